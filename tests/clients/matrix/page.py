"""docs/clients.md: what a run found, without anything that differs from run to run."""

HEAD = """<!-- Written by tests/clients/run --write: do not edit. -->
# Clients

What real clients do with the proxy, as [`tests/clients/run`](../tests/clients/run) found it. Each sends a placeholder
to a TLS server on loopback, through the built program, in each version of HTTP that is named: with all variables
that `secret-proxy env` prints, and again with nothing but the two things that *proxy by* and *CA by* name. The
server must get the value and never the placeholder, the audit must have the record, a host that is not listed must
get neither while the client is shown the 403, and the value must be in nothing that the client printed or left in
its home.

    eval "$(secret-proxy env)"

is all that is needed where the last column is empty. `$CA` there is the file of the proxy's certificate
(`secret-proxy ca export`). Clients of PyPI and npm are pinned; the others are those of Debian 12 and of Rust, at the
time of writing.

| client | version | HTTP | proxy by | CA by | result | what it needs besides |
|---|---|---|---|---|---|---|
"""

TAIL = """
## Why others may fail

- **A credential that the client computes with** (AWS's signatures, JWTs, OAuth 1): it signs the placeholder, and the
  server finds the signature wrong.
- **A token in a body or in a query** (OAuth refresh, some webhooks): placeholders are looked for in headers only.
- **A client that checks what a key looks like** before it sends it: some want a certain beginning or only certain
  characters.
- **A list of authorities that cannot be changed**, pinned certificates, or a protocol that is not HTTP inside the
  tunnel: `--passthrough HOST`, and no secrets there.
- **HTTP/3**: no UDP goes through the proxy; clients use HTTP/2 instead.
"""


def text(world, outcomes):
    # By what they are called, as a person looks for them.
    outcomes = sorted(outcomes, key=lambda it: it[0].client.lower())
    lines = [line(row, result, world) for row, result, _ in outcomes]
    return HEAD + "\n".join(lines) + "\n" + TAIL


def without_versions(page, rows):
    """An update of the system changes versions that are not ours to pin, and must not fail anything."""
    theirs = {row.client for row in rows if not row.is_pinned()}
    cells = [line.split(" | ") for line in page.splitlines()]
    return [[*it[:1], *it[2:]] if it[0].removeprefix("| ") in theirs else it for it in cells]


def line(row, result, world):
    environment = world.environment(row, world.folder)
    http = "" if row.goes_around else ", ".join(row.versions)
    found_by = [names(row.head["proxy"]), names(row.head["ca"])]
    cells = [row.client, row.version(world.tools, environment), http, *found_by, result, besides(row)]
    return "| " + " | ".join(cells) + " |"


def names(words):
    """Variables as code; other words say how they are meant."""
    return " ".join(f"`{word}`" if word.replace("_", "").isalnum() and "_" in word else word for word in words.split())


def besides(row):
    parts = ([f"`{row.line}`"] if row.line else []) + ([row.head["note"]] if "note" in row.head else [])
    return "; ".join(parts)
