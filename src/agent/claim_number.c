/*
 * claim_number.c
 *    A number in a text with its sign, scale and unit, and what the words around it say: how exact it is, where it goes.
 */
#include <math.h>
#include <string.h>

#include "agent/finder.h"

#define WORDS_BEFORE 6 /* how far a word of direction may stand before its number */
#define ID_DIGITS    12

/* ---- What stands before a number ---- */

/* Is the digit part of a name: "U2", "#5"? A percentage never is, nor "by15", "USD20", "_15_". */
static bool
is_name(const Finder *f, int at)
{
	char word[WORD_MOST + 1];
	Numeral numeral;
	uint32_t rune;
	int start = at;

	rune_before(&f->text, at, &rune);
	if (rune == '@')
		return true;
	read_numeral(&f->text, at, &numeral);
	if (finder_byte(f, numeral.end) == '%')
		return false;
	if (rune == '_')
		return is_letter(finder_byte(f, at - 2)) || is_digit_at(f, at - 2);
	if (rune == '#')
		return true;
	if (rune >= 0x80 || !is_letter((int) rune))
		return false;
	while (is_letter(finder_byte(f, start - 1)))
		start--;
	read_word(&f->text, start, word);
	return !word_in(word, "|by|to|from|of|at|is|was|with|and|now|over|about|than|only|has|had|usd|eur|gbp|");
}

/* Is the number a label: "step 2", "top 10", "week 23"? */
static bool
is_label(const Finder *f, const Numeral *numeral)
{
	char word[WORD_MOST + 1];
	char first[WORD_MOST + 1];
	char after = finder_byte(f, numeral->end);
	int start;

	if (numeral->digits > 3 || !numeral->whole || after == '%' || is_letter(after) ||
		finder_byte(f, numeral->start - 1) != ' ' || !is_letter(finder_byte(f, numeral->start - 2)))
		return false;
	start = word_before(&f->text, numeral->start, f->sentence_start, word);
	if (word_in(word, "|week|day|"))
	{
		word_before(&f->text, start, f->sentence_start, first);
		return !word_in(first, "|this|that|last|next|per|a|each|every|the|one|");
	}
	return word_in(
		word, "|step|option|part|version|episode|chapter|top|no|number|phase|tip|idea|question|figure|table|"
			  "season|page|section|item|volume|vol|act|side|tier|rank|");
}

/* "550e8400-e29b-41d4-a716-446655440000"; the place behind it, 0: none */
int
skip_uuid(const Finder *f, int at)
{
	if (f->text.length - at < 36)
		return 0;
	for (int i = 0; i < 36; i++)
	{
		char c = f->text.bytes[at + i];
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
			return 0;
	}
	return at + 36;
}

/* "last 7 days" */
static bool
is_period(const Finder *f, int at)
{
	char word[WORD_MOST + 1];

	return word_before(&f->text, at, f->sentence_start, word) >= 0 &&
		   word_in(word, "|last|past|next|previous|coming|prior|preceding|recent|first|every|trailing|");
}

static ClaimHedge
hedge_before(const Finder *f, int at)
{
	char word[WORD_MOST + 1];
	char first[WORD_MOST + 1];
	uint32_t rune;
	int start;

	rune_before(&f->text, at, &rune);
	if (rune == '~' || rune == 0x2248)
		return HEDGE_ABOUT;
	if ((rune == '>' && !f->line_start) || rune == 0x2265)
		return HEDGE_OVER;
	if (rune == '<' || rune == 0x2264)
		return HEDGE_UNDER;
	start = word_before(&f->text, at, f->sentence_start, word);
	if (start < 0)
		return HEDGE_NONE;
	if (word_in(word, "|about|around|roughly|approximately|approx|circa|ca|"))
		return HEDGE_ABOUT;
	if (word_in(word, "|over|above|exceeding|exceeds|exceeded|"))
		return HEDGE_OVER;
	if (word_in(word, "|under|below|nearly|almost|"))
		return HEDGE_UNDER;
	if (word_before(&f->text, start, f->sentence_start, first) < 0)
		return HEDGE_NONE;
	if ((strcmp(word, "than") == 0 && word_in(first, "|more|greater|higher|")) ||
		(strcmp(word, "least") == 0 && strcmp(first, "at") == 0) ||
		(strcmp(word, "of") == 0 && strcmp(first, "upwards") == 0))
		return HEDGE_OVER;
	if ((strcmp(word, "than") == 0 && word_in(first, "|less|fewer|lower|")) ||
		(strcmp(word, "most") == 0 && strcmp(first, "at") == 0) ||
		(strcmp(word, "to") == 0 && word_in(first, "|up|close|")))
		return HEDGE_UNDER;
	return HEDGE_NONE;
}

static int
direction_of(const char *word)
{
	if (word_in(
			word,
			"|grew|grow|grows|growing|grown|growth|rose|rise|rises|rising|risen|gain|gains|gained|gaining|up|"
			"increase|increases|increased|increasing|more|higher|climbed|jumped|surged|added|better|"
			"improved|plus|faster|won|"))
		return 1;
	if (word_in(
			word,
			"|fell|fall|falls|falling|fallen|drop|drops|dropped|dropping|decline|declines|declined|declining|"
			"decrease|decreases|decreased|decreasing|down|lost|lose|loses|losing|loss|fewer|less|lower|"
			"shrank|shrunk|slipped|sank|worse|minus|slower|"))
		return -1;
	return 0;
}

/* What the words say of the number's direction: the one right behind it, else the nearest before it. */
static int
find_direction(const Finder *f, int start, int end)
{
	char word[WORD_MOST + 1];
	char later[WORD_MOST + 1] = "";
	int place = skip_spaces(&f->text, end);
	int direction;

	read_word(&f->text, place, word);
	direction = direction_of(word);
	if (direction != 0)
		return direction;
	place = start;
	for (int i = 0; i < WORDS_BEFORE; i++)
	{
		place = word_before(&f->text, place, f->sentence_start, word);
		if (place < 0)
			break;
		direction = direction_of(word);
		/* "more than 15%" and "up to 15%" say how much, not where to; "did not fall" says neither */
		if (direction != 0 && strcmp(later, "than") != 0 &&
			!(strcmp(word, "up") == 0 && strcmp(later, "to") == 0))
		{
			word_before(&f->text, place, f->sentence_start, word);
			return word_in(word, "|not|never|no|t|without|") ? 0 : direction;
		}
		memcpy(later, word, sizeof(later));
	}
	return 0;
}

/* ---- What stands behind a number ---- */

/* How many days a unit of time has; 0: the word is none. */
static double
days_of(const char *word)
{
	if (word_in(word, "|day|days|d|"))
		return 1;
	if (word_in(word, "|week|weeks|wk|wks|"))
		return 7;
	if (word_in(word, "|month|months|"))
		return 30.4375;
	if (word_in(word, "|year|years|"))
		return 365.25;
	if (word_in(word, "|hour|hours|h|hr|hrs|"))
		return 1.0 / 24;
	if (word_in(word, "|minute|minutes|min|mins|"))
		return 1.0 / 1440;
	if (word_in(word, "|second|seconds|sec|secs|"))
		return 1.0 / 86400;
	return 0;
}

static double
scale_of(const char *word, bool glued)
{
	if (word_in(word, "|k|thousand|"))
		return 1e3;
	if (word_in(word, "|m|mn|mln|mio|million|millions|") && (glued || strcmp(word, "m") != 0))
		return 1e6;
	if (word_in(word, "|b|bn|billion|billions|") && (glued || strcmp(word, "b") != 0))
		return 1e9;
	if (strcmp(word, "hundred") == 0)
		return 1e2;
	if (word_in(word, "|lakh|lakhs|"))
		return 1e5;
	if (word_in(word, "|crore|crores|"))
		return 1e7;
	return 0;
}

static void
scale_claim(Claim *claim, double scale)
{
	claim->value *= scale;
	claim->slack *= scale;
	claim->rough *= scale;
}

/* "3 times a week" is a frequency, "3 times as many" a ratio. */
static bool
is_frequency(const Finder *f, int at)
{
	char word[WORD_MOST + 1];

	read_word(&f->text, skip_spaces(&f->text, at), word);
	return word_in(word, "|a|an|per|each|every|this|in|daily|weekly|monthly|during|last|next|");
}

/* Reads scale and unit. Returns the place behind them; -1: the number is none that says anything. */
static int
read_unit(const Finder *f, int end, Claim *claim, bool word_number)
{
	char word[WORD_MOST + 1];
	uint32_t rune;
	int width = rune_at(&f->text, end, &rune);
	int place;
	int next;
	bool hyphen;

	/* what is written without a space: 12k, 3x, 24h, 3rd */
	if (!word_number && rune < 0x80 && is_letter((int) rune))
	{
		double scale;

		next = read_word(&f->text, end, word);
		scale = scale_of(word, true);
		if (scale > 0)
		{
			scale_claim(claim, scale);
			end = next;
		}
		else if (strcmp(word, "x") == 0)
		{
			claim->kind = CLAIM_RATIO;
			return next;
		}
		else if (word_in(word, "|st|nd|rd|th|d|h|"))
			return -1;
		else if (next - end < 3)
			return -1;
	}
	else if (rune == 0x4E07 || rune == 0x842C || rune == 0xB9CC)
	{
		scale_claim(claim, 1e4);
		end += width;
	}
	else if (rune == 0x4EBF || rune == 0x5104 || rune == 0xC5B5)
	{
		scale_claim(claim, 1e8);
		end += width;
	}

	place = skip_spaces(&f->text, end);
	hyphen = finder_byte(f, place) == '-' && is_letter(finder_byte(f, place + 1));
	next = read_word(&f->text, hyphen ? place + 1 : place, word);
	if (!word_number && next > place && !hyphen && scale_of(word, false) > 0)
	{
		scale_claim(claim, scale_of(word, false));
		end = next;
		place = skip_spaces(&f->text, end);
		next = read_word(&f->text, place, word);
	}
	if (finder_byte(f, end) == '+' && !is_digit_at(f, end + 1))
	{
		claim->hedge = HEDGE_OVER;
		end++;
		place = skip_spaces(&f->text, end);
		next = read_word(&f->text, place, word);
	}

	/* as TeX writes it */
	if (finder_byte(f, place) == '\\' && finder_byte(f, place + 1) == '%')
		place++;
	width = rune_at(&f->text, place, &rune);
	if (rune == '%' || rune == 0xFF05 || rune == 0x66A || rune == 0x2030)
	{
		claim->kind = CLAIM_PERCENT;
		if (rune == 0x2030)
			scale_claim(claim, 0.1);
		end = place + width;
		next = read_word(&f->text, skip_spaces(&f->text, end), word);
		claim->share = strcmp(word, "of") == 0;
		return end;
	}
	if (rune == 0xD7)
	{
		claim->kind = CLAIM_RATIO;
		return place + width;
	}
	if (word_in(word, "|percent|pct|percentage|pp|per|"))
	{
		if (strcmp(word, "per") == 0 || strcmp(word, "percentage") == 0)
		{
			bool per = strcmp(word, "per") == 0;

			next = read_word(&f->text, skip_spaces(&f->text, next), word);
			if (!word_in(word, per ? "|cent|" : "|point|points|"))
				return end;
		}
		claim->kind = CLAIM_PERCENT;
		read_word(&f->text, skip_spaces(&f->text, next), word);
		claim->share = strcmp(word, "of") == 0;
		return next;
	}
	if (word_in(word, "|x|fold|") || (strcmp(word, "times") == 0 && !is_frequency(f, next)))
	{
		claim->kind = CLAIM_RATIO;
		return next;
	}
	claim->days = days_of(word);
	if (claim->days > 0)
	{
		/* "a 30-day view", "7 days ago" name a period */
		if (hyphen)
			return -1;
		read_word(&f->text, skip_spaces(&f->text, next), word);
		if (strcmp(word, "ago") == 0)
			return -1;
	}
	return end;
}

/* "10-15%", "1.4 to 2.1x", "between 10 and 15%": the unit of the second number is also that of the first. */
static void
share_unit(Finder *f, const Claim *second)
{
	Claim *first = f->claim_count > 0 ? &f->claims[f->claim_count - 1] : NULL;
	char word[WORD_MOST + 1];
	char before[WORD_MOST + 1];
	int from;
	int place;
	uint32_t rune;
	int width;
	bool dash;

	if (first == NULL || first->sentence != second->sentence || first->kind != CLAIM_PLAIN)
		return;
	from = first->start + first->length;
	place = skip_spaces(&f->text, from);
	width = rune_at(&f->text, place, &rune);
	dash = rune == '-' || rune == 0x2013 || rune == 0x2014;
	if (dash)
		place += width;
	else
	{
		int end = read_word(&f->text, place, word);

		if (end == place || !word_in(word, "|to|and|or|"))
			return;
		word_before(&f->text, first->start, f->sentence_start, before);
		if (strcmp(word, "and") == 0 && strcmp(before, "between") != 0)
			return;
		place = end;
	}
	if (skip_spaces(&f->text, place) != second->start)
		return;
	if (second->kind != CLAIM_PLAIN)
		first->other = second->kind;
	if (second->days > 0 && first->days == 0)
		first->days = second->days;
	/* "10-12k" */
	if (dash && second->kind == CLAIM_PLAIN && second->value >= 1000 && first->value < 1000 &&
		second->slack >= 5 * first->slack && !is_letter(finder_byte(f, from - 1)))
		scale_claim(first, second->slack / first->slack);
}

static void
add_claim(Finder *f, Claim *claim, int end)
{
	claim->length = end - claim->start;
	claim->sentence = f->sentence;
	claim->paragraph = f->paragraph;
	claim->quote_start = f->quote;
	if (claim->direction == 0)
		claim->direction = find_direction(f, claim->start, end);
	if (f->claim_count == f->claim_most)
	{
		f->full = true;
		return;
	}
	share_unit(f, claim);
	f->claims[f->claim_count++] = *claim;
}

static Claim
claim_of(const Numeral *numeral)
{
	int zeros = numeral->whole ? numeral->zeros : 0;
	int rounded = zeros < numeral->digits - 2 ? zeros : numeral->digits - 2;

	return (Claim){.start = numeral->start,
				   .kind = CLAIM_PLAIN,
				   .value = numeral->value,
				   .slack = numeral->unit / 2,
				   .rough = numeral->unit * pow(10, rounded > 0 ? rounded : 0)};
}

/* ---- Numbers ---- */

/* "1. " and "2) " at the beginning of a line; the place behind them, 0: none */
static int
skip_list_mark(const Finder *f, const Numeral *numeral)
{
	char after = finder_byte(f, numeral->end);

	if (f->line_start && numeral->digits <= 3 && numeral->whole && (after == '.' || after == ')') &&
		(finder_byte(f, numeral->end + 1) == ' ' || finder_byte(f, numeral->end + 1) == '\t' ||
		 finder_byte(f, numeral->end + 1) == '*'))
		return numeral->end + 1;
	return 0;
}

/* A minus or plus right before the number, but no dash of a range and no hyphen of a word. */
static void
read_sign(const Finder *f, Claim *claim)
{
	uint32_t sign, before;
	int width = rune_before(&f->text, claim->start, &sign);

	if (sign != '-' && sign != '+' && sign != 0x2212 && sign != 0x2013)
		return;
	rune_before(&f->text, claim->start - width, &before);
	if (digit_value(before) >= 0 || (before < 0x80 && is_letter((int) before)) || before == '%' ||
		before == ')' || before == '-')
		return;
	claim->sign = sign == '+' ? 1 : -1;
	claim->direction = claim->sign;
	claim->start -= width;
}

/* Reads what begins with a digit; returns the place behind it. */
int
read_number(Finder *f, int at)
{
	Numeral numeral;
	Claim claim;
	int end;

	read_numeral(&f->text, at, &numeral);
	if (is_name(f, at))
	{
		/* the rest of the name too */
		end = numeral.end;
		while (
			end < f->text.length &&
			(is_letter(finder_byte(f, end)) || is_digit_at(f, end) || finder_byte(f, end) == '_' ||
			 (finder_byte(f, end) == '-' && (is_digit_at(f, end + 1) || is_letter(finder_byte(f, end + 1))))))
			end++;
		return end;
	}
	end = skip_list_mark(f, &numeral);
	if (end > 0)
		return end;
	end = skip_calendar(&f->text, at, f->sentence_start);
	if (end > 0)
		return end;
	if (f->text.length - at >= 4 && memcmp(f->text.bytes + at, "24/7", 4) == 0)
		return at + 4;
	if (is_label(f, &numeral))
		return numeral.end;

	claim = claim_of(&numeral);
	read_sign(f, &claim);
	claim.hedge = hedge_before(f, claim.start);
	end = read_unit(f, numeral.end, &claim, false);
	if (end < 0)
	{
		/* the letters or the unit are no claim of their own */
		end = numeral.end;
		while (is_letter(finder_byte(f, end)))
			end++;
		return end;
	}
	if (claim.days > 0 && is_period(f, at))
		return end;
	/* so many digits in a row are the id of a post */
	if (claim.kind == CLAIM_PLAIN && end == numeral.end && !numeral.grouped && numeral.whole &&
		numeral.digits >= ID_DIGITS)
		return end;
	add_claim(f, &claim, end);
	return end;
}

/* "doubled": a ratio in a word. */
static bool
ratio_word(const char *word, Claim *claim)
{
	static const struct
	{
		const char *words;
		double value;
		int direction;
	} ratios[] = {
		{"|doubled|doubling|", 2, 1},
		{"|tripled|trebled|tripling|", 3, 1},
		{"|quadrupled|", 4, 1},
		{"|halved|", 0.5, -1},
	};

	for (int i = 0; i < (int) (sizeof(ratios) / sizeof(ratios[0])); i++)
	{
		if (word_in(word, ratios[i].words))
		{
			claim->kind = CLAIM_RATIO;
			claim->value = ratios[i].value;
			claim->slack = ratios[i].value / 8;
			claim->rough = ratios[i].value / 4;
			claim->direction = ratios[i].direction;
			return true;
		}
	}
	return false;
}

/* Reads a word, which may begin a number; returns the place behind it. */
int
read_text_word(Finder *f, int at)
{
	char word[WORD_MOST + 1];
	int end = read_word(&f->text, at, word);
	Numeral numeral;
	Claim claim = {.start = at};
	bool scaled;

	/* the rest of a longer word, or of a name with digits */
	if ((is_digit_at(f, end) && is_name(f, end)) || finder_byte(f, end) == '_')
	{
		while (end < f->text.length &&
			   (is_letter(finder_byte(f, end)) || is_digit_at(f, end) || finder_byte(f, end) == '_'))
			end++;
		return end;
	}
	if (ratio_word(word, &claim))
	{
		claim.hedge = hedge_before(f, at);
		add_claim(f, &claim, end);
		return end;
	}
	if (read_number_words(&f->text, at, &numeral, &scaled))
	{
		int behind;

		claim = claim_of(&numeral);
		behind = read_unit(f, numeral.end, &claim, true);
		if (behind > 0 && (scaled || claim.kind != CLAIM_PLAIN))
		{
			claim.hedge = hedge_before(f, at);
			add_claim(f, &claim, behind);
			return behind;
		}
		return numeral.end;
	}
	return end;
}
