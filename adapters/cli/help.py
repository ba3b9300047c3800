"""The text after each command's options in its help: examples, then what it prints."""

EXIT_CODES = """\
Exit codes:
  0    success
  1    an answer is "no": a variant is unknown, its stock is unavailable, a
       record was not opened, a check or a step of the demo failed, or a
       contract does not hold or may not be deployed
  2    the arguments or the settings are not valid
  70   a bug in shelfport
  74   the output could not be written
  130  interrupted
  141  the reader of the output closed it
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

An ID is a UUID, such as c9bf9e57-1685-4c89-bafb-ff5af830be8a; with the setting
id_format = "text" it is 1 to 128 visible ASCII characters, such as a SKU; with
the setting mapper it is the host's own id. A variant that is given twice is
printed once. With - as the only ID, the ids are read from standard input, one a
line; blank lines and lines that begin with # are skipped.

--json prints {{"correlationId": ..., "stock": [...], "schema": 1}}; an entry has
variantId, hostId, known, reason, status, availableQuantity, updatedAt, asOf,
freshness and source; unknown values are null. variantId is the Inventory
Service's id, hostId the host's own id where the setting mapper leads to another
one. reason says why the stock is not known, such as TIMED_OUT or
UNKNOWN_VARIANT.

{EXIT_CODES}"""

INIT = f"""\
A record that exists is not changed; the exit code is 0 then, too.

Examples:
  shelfport init ID --quantity 20 --base-url https://inventory.internal
  shelfport init ID --quantity 0 --low-stock-threshold 5 --json
  shelfport init ID --idempotency-key 2f1c6d0e-8a4b-4f9d-9c57-0d6f3f1e2b7a

--json prints an object with variantId, hostId, outcome (CREATED, ALREADY_THERE,
QUEUED, REFUSED or FAILED), idempotencyKey, correlationId, itemId, status,
availableQuantity, updatedAt, error and schema (1); unknown values are null.
error has type, message, retryable, reachedService (yes, no, unknown) and
httpStatus.

{EXIT_CODES}"""

CHECK = f"""\
Examples:
  shelfport check
  shelfport check --base-url https://inventory.internal --deadline 5
  shelfport check --settings shelfport.toml --variant ID
  shelfport check --json | jq '.checks[] | select(.outcome == "FAILED")'

It prints every setting with its origin, secrets masked, then the checks in
their order: settings, variables, role, adapter, dns, tcp, tls, token, read,
clock, queue, shared_cache and bus. A failed check says what to do; a check that
was not tried says why. Each check may take --deadline seconds. Nothing is
changed at the service.

--json prints {{"correlationId": ..., "ok": ..., "settings": [...],
"checks": [...], "schema": 1}}. A setting has name, value, origin (DEFAULT, FILE,
ENVIRONMENT or COMMAND_LINE) and place; a check has name, outcome (OK, FAILED or
NOT_TRIED), detail, fix, because (the check that failed) and milliseconds, with
null for what does not exist.

{EXIT_CODES}"""

SANDBOX = f"""\
It keeps the contract of inventory-service.yaml, opens records, and fails on
demand. It accepts requests without credentials: keep it on this machine.

Examples:
  shelfport sandbox
  shelfport sandbox --port 0 --empty
  shelfport sandbox --store stock.sqlite
  shelfport sandbox --empty --id-format text
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
  shelfport events listen --settings shelfport.toml --consume

The bus's address begins with amqp(s)://, nats://, tls://, redis(s)://, or
kafka(s)://. The command connects as soon as the bus is reachable, and reconnects
after a lost connection. Without --consume, it receives every event, as every
replica does, and takes none from the consumer group. Put the password of a bus
into a settings file or into SHELFPORT_EVENTS_URL: every user of a machine can
read its command lines.

--json prints, for each event on one line, eventId, type, productVariantId,
hostId, status, timestamp and schema (1).

{EXIT_CODES}"""

REPLAY = f"""\
Examples:
  shelfport events replay --events nats://127.0.0.1:4222
  shelfport events replay --settings shelfport.toml --limit 10

The command prints the reason of each dead letter. A replica of the consumer
group handles it again; an event that fails again becomes a dead letter again.

{EXIT_CODES}"""

SIZE = f"""\
Examples:
  shelfport size --hosts 1000 --views 10000 --capacity 12000
  shelfport size --hosts 1000 --views 10000 --capacity 4000 --shared-cache
  shelfport size --hosts 20 --views 400 --capacity 600 --variants 5000 --json

It sends no requests. It prints a part of a settings file; comments say which
load follows. It assumes that views arrive at random and that popularity falls
as 1 / rank; docs/scale.md compares that with a simulated fleet. It exits with 1
if the service is too small for any settings.

--json prints {{"fits": ..., "ttl": ..., "schema": 1}} with maxConcurrency,
budgetRatio, steadyLoad, coldLoad, coldShare and queueSeconds.

{EXIT_CODES}"""

TOP = f"""\
It reads the ops page that the host serves: see docs/ops.md. If the page needs a
token, put it into SHELFPORT_OPS_TOKEN: every user of a machine can read its
command lines.

Examples:
  shelfport top http://127.0.0.1:8000/ops/
  shelfport top shop.internal:8000/ops --interval 5
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

It needs the extra "contracts". The broker's address and credentials come from
PACT_BROKER_BASE_URL, and PACT_BROKER_TOKEN or PACT_BROKER_USERNAME and
PACT_BROKER_PASSWORD.

{EXIT_CODES}"""

GENERATE = f"""\
Examples:
  shelfport contracts generate
  shelfport contracts generate --service inventory-service.yaml
  shelfport contracts generate --write pacts/shelfport-inventory-service.json

If the generated pact differs, it prints a diff and exits with 1. If a yaml file
lacks something that shelfport reads, or has something that it does not support,
it prints one sentence with a JSON pointer.

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
{{"description": ...}}, and answers with the event of that name. With a broker, the
pacts are those of each consumer's main branch, and of the versions that are
deployed or released. PACT_PROVIDER_TOKEN replaces the pacts' bearer token.

--json prints {{"ok": ..., "published": ..., "interactions": [...], "schema": 1}};
an interaction has description, verdict (HOLDS, FAILED or PENDING), given and
mismatches; a mismatch has where and what.

{EXIT_CODES}"""

PUBLISH = f"""\
Examples:
  shelfport contracts publish --broker https://pact-broker.internal
  shelfport contracts publish --consumer product-service --branch main
  shelfport contracts publish --pact build/pacts --version 1a2b3c4

The broker accepts one pact for each version: publish a changed pact under a new
version, such as the git commit, which is the default of --version.

{EXIT_CODES}"""

CAN_I_DEPLOY = f"""\
Examples:
  shelfport contracts can-i-deploy --to-environment production
  shelfport contracts can-i-deploy --to-environment production \\
       --pacticipant product-service --wait 120
  shelfport contracts can-i-deploy --to-environment test --json

Without a verification, the exit code is 1. --json prints {{"deployable": ...,
"reason": ..., "pairs": [...], "schema": 1}}; deployable is null if a
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
It logs to stderr. --catalog names a class or a function without arguments that
makes the host's catalog; entries under NOT_ORDERABLE need one. Several workers
can run at the same time. At SIGTERM, each finishes the entries that it has
begun within queue.shutdown_timeout seconds, and releases the others.

Examples:
  shelfport worker --settings shelfport.toml
  shelfport worker --catalog shop.stock:Catalog
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

With --json, list, dead and show print {{"waiting": ..., "deadLetters": ...,
"oldest": ..., "entries": [...], "schema": 1}}; an entry has variantId, the
Inventory Service's id, and hostId, the host's own id where it differs. retry and
drop print changed and notFound; migrate prints before and after.

{EXIT_CODES}"""

RECONCILE = f"""\
It reads the record of each variant from the service, and enqueues the variants
without a record, with the quantities of the settings; a worker opens the
records. It can be repeated at any time: a variant in the queue is not enqueued
again.

The Inventory Service cannot list its records: a record of a variant that is not
given is not found. Queue entries of such variants are listed.

Examples:
  shelfport reconcile variants.txt --dry-run
  shelfport reconcile variants.txt --settings shelfport.toml
  shelfport reconcile - --json < variants.txt

--json prints an object with correlationId, dryRun, given, present, missing,
enqueued, alreadyQueued, unreadable (variantId, hostId, reason), notGiven and
schema (1). missing, alreadyQueued and notGiven are ids: the host's own, where
the setting mapper leads to another one.
Exit code 1: something could not be read, or --dry-run found something missing.

{EXIT_CODES}"""

COMPLETION = f"""\
Examples:
  shelfport --install-completion
  shelfport --install-completion --shell zsh
  shelfport --install-completion --shell bash --output shelfport.bash

Without --output, the script goes to the shell's own folder, and a line in
~/.bashrc or ~/.zshrc loads it. With --output, only that file is written.

{EXIT_CODES}"""
