"""Parts of a Graph API answer: errors, field lists such as
`id,shares,comments.limit(0).summary(total_count)`, pages."""

import base64
from urllib.parse import urlencode

from server import Response
from texts import md5, number


class GraphError(Exception):

    def __init__(self, response):
        self.response = response


def api_error(code, message, subcode=None, status=400, transient=None, title=None, login=False):
    body = {"message": message, "type": "IGApiException" if login else "OAuthException", "code": code}
    if subcode:
        body["error_subcode"] = subcode
    if transient is not None or title:
        body["is_transient"] = bool(transient)
    if title:
        body["error_user_title"], body["error_user_msg"] = title
    body["fbtrace_id"] = "A" + md5(code, message)[:22]
    return Response(status, {"error": body})


def text_error(code, message, **more):
    return GraphError(api_error(code, message, **more))


def no_object(name):
    return text_error(
        100,
        f"Unsupported get request. Object with ID '{name}' does not exist, cannot be loaded due to missing "
        "permissions, or does not support this operation. Please read the Graph API documentation at "
        "https://developers.facebook.com/docs/graph-api",
        subcode=33)


class Field:
    """One of a field list: name, the calls on it ({"limit": "0"}), and the fields asked of its object."""
    __slots__ = ("name", "calls", "fields")

    def __init__(self, name):
        self.name, self.calls, self.fields = name, {}, []

    @property
    def shown(self):
        return self.calls.get("as", self.name)


def parse_fields(text):
    fields, at = read_fields(text, 0)
    if at != len(text):
        raise text_error(
            2500,
            f"Syntax error \"Expected end of string instead of \\\"{text[at]}\\\".\" at character {at}: {text}"
        )
    return fields


def read_fields(text, at):
    fields = []
    while at < len(text) and text[at] != "}":
        start = at
        while at < len(text) and (text[at].isalnum() or text[at] == "_"):
            at += 1
        field = Field(text[start:at])
        if not field.name:
            raise text_error(2500, f"Syntax error at character {at}: {text}")
        while at < len(text) and text[at] == ".":
            open_at, close = text.find("(", at), text.find(")", at)
            if open_at < 0 or close < open_at:
                raise text_error(2500, f"Syntax error at character {at}: {text}")
            field.calls[text[at + 1:open_at]] = text[open_at + 1:close]
            at = close + 1
        if at < len(text) and text[at] == "{":
            field.fields, at = read_fields(text, at + 1)
            if at >= len(text):
                raise text_error(2500, f"Syntax error at character {at}: {text}")
            at += 1
        fields.append(field)
        if at < len(text) and text[at] == ",":
            at += 1
    return fields, at


def cursor(offset):
    return base64.urlsafe_b64encode(f"QVFI{offset}".encode()).decode().rstrip("=")


def cursor_offset(text):
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError:
        plain = ""
    offset = number(plain.removeprefix("QVFI")) if plain.startswith("QVFI") else None
    if offset is None:
        raise text_error(100, "(#100) Invalid cursor")
    return offset


def page(request, entries, make, default=25, most=100):
    """A page of an edge. `next`, with the token in clear as the real one has it, only where more follows."""
    limit = min(number(request.query.get("limit"), default), most)
    start = cursor_offset(request.query["after"]) if request.query.get("after") else 0
    shown = entries[start:start + max(limit, 0)]
    out = {"data": [make(entry) for entry in shown]}
    if shown:
        after = cursor(start + len(shown))
        out["paging"] = {"cursors": {"before": cursor(start), "after": after}}
        query = {k: v for k, v in request.query.items() if k != "after"}
        link = f"https://{request.host}{request.path}?" + urlencode(
            {"access_token": request.token.text, **query, "after": after})
        if start + len(shown) < len(entries):
            out["paging"]["next"] = link
    return Response(200, out)


def shift_links(request, since, until):
    """The links to the windows before and after: they are always there, and lead on for ever."""

    def link(by):
        return f"https://{request.host}{request.path}?" + urlencode({
            "access_token": request.token.text, **request.query, "since": int(since + by),
            "until": int(until + by)
        })

    return {"previous": link(since - until), "next": link(until - since)}
