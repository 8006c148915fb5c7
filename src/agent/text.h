/*
 * text.h
 *    Characters, words and numerals of a text in UTF-8, for claims.c; no PostgreSQL.
 */
#ifndef DREAMSUITE_TEXT_H
#define DREAMSUITE_TEXT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Text
{
	const char *bytes;
	int length;
} Text;

#define WORD_MOST 15 /* letters of a word that we know */

/* The character at a place and its width in bytes; U+FFFD, 1 for a byte that is no UTF-8; 0, 0 outside of the text. */
extern int rune_at(const Text *text, int at, uint32_t *rune);

/* The character that ends before a place. */
extern int rune_before(const Text *text, int at, uint32_t *rune);

/* Value of a decimal digit of the scripts that models write; -1: no digit. */
extern int digit_value(uint32_t rune);

extern bool is_letter(int c);        /* ASCII */
extern bool is_space(uint32_t rune); /* space, tab, the fixed spaces; no line end */

/* Place behind the spaces. */
extern int skip_spaces(const Text *text, int at);

/* A word of ASCII letters in small letters that begins at `at`; longer ones are cut. Returns where it ends; `at`: none. */
extern int read_word(const Text *text, int at, char *word);

/*
 * The word before a place, over spaces and marks of emphasis; not before `floor`. Returns where it begins; -1: none.
 */
extern int word_before(const Text *text, int at, int floor, char *word);

/* Is the word one of a list "|one|two|"? */
extern bool word_in(const char *word, const char *list);

/* A number as digits are written. */
typedef struct Numeral
{
	int start, end;
	double value;
	double unit; /* of the last digit: 0.1 for "12.3" */
	int digits;  /* that are written */
	int zeros;   /* at the end */
	bool grouped;
	bool whole;
} Numeral;

/* Reads "1,234", "12.3", "1 234" (fixed spaces), "1.234.567", "12,5". False where there is no digit. */
extern bool read_numeral(const Text *text, int at, Numeral *numeral);

/* Reads "ten thousand", "half a million", "fifteen". `scaled`: it has a hundred or more. False: no number word. */
extern bool read_number_words(const Text *text, int at, Numeral *numeral, bool *scaled);

/* End of the date, time of day or year at a digit; 0: it is none. `floor`: the sentence begins there. */
extern int skip_calendar(const Text *text, int at, int floor);

#endif
