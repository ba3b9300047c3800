"""What each command's help says after its options: examples first, then what it prints."""

EXIT_CODES = """\
Exit codes:
  0    all was answered
  1    something was answered "no": a variant is unknown, its stock is
       unavailable, a record was not opened, a check failed, a story was not
       as told, or a contract does not hold or may not be deployed
  2    bad use or bad settings
  70   a bug in shelfport
  74   the output could not be written
  130  interrupted
  141  whoever read the output left
"""

SHELFPORT = f"""\
Examples:
  shelfport demo --once
  shelfport check --base-url https://inventory.internal
  shelfport get ID --base-url https://inventory.internal
  shelfport get --help
  shelfport --install-completion

{EXIT_CODES}"""

GET = f"""\
Examples:
  shelfport get ID --base-url https://inventory.internal
  shelfport get ID ID ID --settings shelfport.toml
  shelfport get ID --json | jq '.stock[0].availableQuantity'
  shelfport get - < ids.txt

An ID is a UUID, such as c9bf9e57-1685-4c89-bafb-ff5af830be8a. With - as the
only ID they are read from standard input, one a line; blank lines and lines
that begin with # are left out.

--json prints {{"correlationId": ..., "stock": [...], "schema": 1}}; an entry has
variantId, known, reason, status, availableQuantity, updatedAt, asOf, freshness
and source, with null for what is not known. reason says why nothing is known,
such as TIMED_OUT or UNKNOWN_VARIANT.

{EXIT_CODES}"""

INIT = f"""\
A record that is there already is left as it is; that is exit code 0 as well.

Examples:
  shelfport init ID --quantity 20 --base-url https://inventory.internal
  shelfport init ID --quantity 0 --low-stock-threshold 5 --json
  shelfport init ID --idempotency-key 2f1c6d0e-8a4b-4f9d-9c57-0d6f3f1e2b7a

--json prints an object with variantId, outcome (CREATED, ALREADY_THERE or
FAILED), idempotencyKey, correlationId, itemId, status, availableQuantity,
updatedAt, error and schema (1), with null for what there is not. error has
type, message, retryable, reachedService (yes, no, unknown) and httpStatus.

{EXIT_CODES}"""

CHECK = f"""\
Examples:
  shelfport check
  shelfport check --base-url https://inventory.internal --deadline 5
  shelfport check --settings shelfport.toml --variant ID
  shelfport check --json | jq '.checks[] | select(.outcome == "FAILED")'

First comes every setting and where its value came from, secrets masked. Then
come the checks, in their order: settings, adapter, dns, tcp, tls, token, read.
What is wrong comes with what to do about it; what could not be tried, with the reason.
Each check may take --deadline seconds. Nothing is changed at the service.

--json prints {{"correlationId": ..., "ok": ..., "settings": [...],
"checks": [...], "schema": 1}}. A setting has name, value, origin (DEFAULT, FILE,
ENVIRONMENT or COMMAND_LINE) and place; a check has name, outcome (OK, FAILED or
NOT_TRIED), detail, fix, because (the check that failed) and milliseconds, with
null for what there is not.

{EXIT_CODES}"""

SANDBOX = f"""\
It keeps inventory-service.yaml, opens records, and misbehaves on demand. It
asks nobody for credentials: leave it on this machine.

Examples:
  shelfport sandbox
  shelfport sandbox --port 0 --empty
  shelfport sandbox --store stock.sqlite
  shelfport sandbox --events redis://127.0.0.1:6379/0
  curl -X PUT http://127.0.0.1:8080/_sandbox/faults \\
       -H 'Content-Type: application/json' -d '{{"mode": "down"}}'

{EXIT_CODES}"""

EVENTS = f"""\
Examples:
  shelfport events listen --events redis://127.0.0.1:6379/0
  shelfport events replay --settings shelfport.toml
  shelfport events listen --help

{EXIT_CODES}"""

LISTEN = f"""\
Examples:
  shelfport events listen --events amqp://guest:guest@127.0.0.1:5672/
  shelfport events listen --settings shelfport.toml --json
  shelfport events listen --settings shelfport.toml --work

The bus is amqp(s)://, nats://, tls://, redis(s)://, or kafka(s)://. It may be
away at the start, and go and come. Without --work nothing is taken from
anybody: every listener hears everything. A bus's password is better kept in a
settings file, or in SHELFPORT_EVENTS_URL, than on a command line.

--json prints, of each event on one line, eventId, type, productVariantId,
status, timestamp and schema (1).

{EXIT_CODES}"""

REPLAY = f"""\
Examples:
  shelfport events replay --events nats://127.0.0.1:4222
  shelfport events replay --settings shelfport.toml --most 10

Each dead letter is printed with the reason for which it was one. Whoever
handles the work queue tries it again; what fails again is a dead letter again.

{EXIT_CODES}"""

SIZE = f"""\
Examples:
  shelfport size --hosts 1000 --views 10000 --capacity 12000
  shelfport size --hosts 1000 --views 10000 --capacity 4000 --shared-cache
  shelfport size --hosts 20 --views 400 --capacity 600 --variants 5000 --json

It asks nobody. What it prints is a part of a settings file, and says in its
comments what the settings lead to. Views come at random, and popularity falls
as 1 / rank; docs/scale.md compares that with a simulated fleet. It exits with 1
if the service is too small for any settings.

--json prints {{"fits": ..., "freshFor": ..., "schema": 1}} with refreshFor,
staleFor, atOnce, budgetRatio, steadyLoad, coldLoad, coldShare and queueSeconds.

{EXIT_CODES}"""

TOP = f"""\
It asks the ops page, which the host serves: see docs/ops.md. Where that wants a
token, it is taken from SHELFPORT_OPS_TOKEN: every user of a machine can read
its command lines.

Examples:
  shelfport top http://127.0.0.1:8000/ops/
  shelfport top shop.internal:8000/ops --every 5
  shelfport top http://127.0.0.1:8000/ops/ --json | jq .snapshot.circuit

{EXIT_CODES}"""

DEMO = f"""\
Examples:
  shelfport demo
  shelfport demo --once

{EXIT_CODES}"""

CONTRACTS = f"""\
Examples:
  shelfport contracts generate --service inventory-service.yaml
  shelfport contracts verify --provider-url http://127.0.0.1:8080
  shelfport contracts publish --broker https://pact-broker.internal
  shelfport contracts can-i-deploy --to-environment production
  shelfport contracts record-deployment --environment production

It needs the extra "contracts". The broker and the credentials for it are taken
from PACT_BROKER_BASE_URL, and PACT_BROKER_TOKEN or PACT_BROKER_USERNAME and
PACT_BROKER_PASSWORD.

{EXIT_CODES}"""

GENERATE = f"""\
Examples:
  shelfport contracts generate
  shelfport contracts generate --service inventory-service.yaml
  shelfport contracts generate --write pacts/shelfport-inventory-service.json

It prints a diff, and answers "no", where the generated pact is another one; and
one sentence with a JSON pointer where a yaml file no longer promises what
shelfport reads, or has something that it does not understand.

{EXIT_CODES}"""

VERIFY = f"""\
Examples:
  shelfport contracts verify --provider-url http://127.0.0.1:8080
  shelfport contracts verify --provider-url http://127.0.0.1:8080 \\
       --states-url http://127.0.0.1:8080/_sandbox/pact/states \\
       --messages-url http://127.0.0.1:8080/_sandbox/pact/messages
  shelfport contracts verify --provider-url http://127.0.0.1:8080 \\
       --broker https://pact-broker.internal --publish
  shelfport contracts verify --provider-url http://127.0.0.1:8080 --only "too often"
  shelfport contracts verify --provider-url http://127.0.0.1:8080 --json

The states URL takes POST {{"state": ..., "params": {{...}}, "action": "setup" or
"teardown"}}, and answers 200, or 400 with a reason. The messages URL takes POST
{{"description": ...}}, and answers with the event of that name. Of a broker are
taken the pacts of each consumer's main branch, and those of the versions that
are deployed or released. PACT_PROVIDER_TOKEN replaces the pacts' bearer token.

--json prints {{"ok": ..., "published": ..., "interactions": [...], "schema": 1}};
an interaction has description, verdict (HOLDS, FAILED or PENDING), given and
mismatches, and each of those where and what.

{EXIT_CODES}"""

PUBLISH = f"""\
Examples:
  shelfport contracts publish --broker https://pact-broker.internal
  shelfport contracts publish --consumer product-service --branch main
  shelfport contracts publish --pact build/pacts --version 1a2b3c4

A version has one content of a pact for good: what has changed is published under
a version of its own, such as the git commit that is taken without --version.

{EXIT_CODES}"""

CAN_I_DEPLOY = f"""\
Examples:
  shelfport contracts can-i-deploy --to-environment production
  shelfport contracts can-i-deploy --to-environment production \\
       --pacticipant product-service --wait 120
  shelfport contracts can-i-deploy --to-environment test --json

A verification that is missing is no yes. --json prints {{"deployable": ...,
"reason": ..., "pairs": [...], "schema": 1}}; deployable is null where a
verification is missing, and a pair has consumer, consumerVersion, provider,
providerVersion and success.

{EXIT_CODES}"""

RECORD_DEPLOYMENT = f"""\
Examples:
  shelfport contracts record-deployment --environment production
  shelfport contracts record-deployment --environment production \\
       --pacticipant product-service --version 1a2b3c4

{EXIT_CODES}"""

WORKER = f"""\
It logs to stderr. --catalog names what makes the host's catalogue, a class or a
function without arguments; entries under NOT_ORDERABLE need one. Run as many
workers as you like. At SIGTERM each finishes what it has begun, within
queue.shutdown_timeout seconds, and gives the rest back.

Examples:
  shelfport worker --settings shelfport.toml
  shelfport worker --catalog shop.stock:Catalogue
  SHELFPORT_QUEUE_URL=sqlite:////var/lib/shop/queue.db shelfport worker

{EXIT_CODES}"""

QUEUE = f"""\
The queue's address comes from SHELFPORT_QUEUE_URL or a settings file, never
from the command line: it may hold a password.

Examples:
  shelfport queue list
  shelfport queue dead --json | jq -r '.entries[].idempotencyKey'
  shelfport queue show 2f1c6d0e-8a4b-4f9d-9c57-0d6f3f1e2b7a
  shelfport queue retry 2f1c6d0e-8a4b-4f9d-9c57-0d6f3f1e2b7a
  shelfport queue retry --all-dead
  shelfport queue drop 2f1c6d0e-8a4b-4f9d-9c57-0d6f3f1e2b7a
  shelfport queue migrate --settings shelfport.toml

list, dead and show print with --json {{"waiting": ..., "dead": ...,
"oldest": ..., "entries": [...], "schema": 1}}; retry and drop print changed and
notFound; migrate prints before and after.

{EXIT_CODES}"""

RECONCILE = f"""\
Reads the record of each variant, afresh, and enqueues those that have none,
with the settings' quantities; a worker opens them. It may be run again at any
time: a variant that is in the queue is not enqueued again.

The Inventory Service cannot list its records, so nothing can be said of those
whose variants the host has forgotten. Entries of the queue whose variants are
not among those given are listed.

Examples:
  shelfport reconcile variants.txt --dry-run
  shelfport reconcile variants.txt --settings shelfport.toml
  shelfport reconcile - --json < variants.txt

--json prints an object with correlationId, dryRun, given, present, missing,
enqueued, alreadyQueued, unreadable (variantId, reason), notGiven and schema (1).
Exit code 1: something could not be read, or --dry-run found something missing.

{EXIT_CODES}"""

COMPLETION = f"""\
Examples:
  shelfport --install-completion
  shelfport --install-completion --shell zsh
  shelfport --install-completion --shell bash --output shelfport.bash

Without --output the script goes where the shell looks for such scripts; bash
and zsh are told of it by a line in ~/.bashrc or ~/.zshrc. With --output only
that file is written.

{EXIT_CODES}"""
