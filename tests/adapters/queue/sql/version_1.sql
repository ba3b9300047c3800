-- A queue as schema version 1 left it: one entry that waits, and a dead one.
BEGIN TRANSACTION;
CREATE TABLE shelfport_initializations (
            idempotency_key TEXT PRIMARY KEY,
            variant_id TEXT NOT NULL,
            initial_quantity BIGINT NOT NULL,
            low_stock_threshold BIGINT NOT NULL,
            policy TEXT NOT NULL,
            queued_at BIGINT NOT NULL,
            due_at BIGINT NOT NULL,
            correlation_id TEXT,
            traceparent TEXT,
            attempts BIGINT NOT NULL DEFAULT 0,
            last_error TEXT,
            entry_version BIGINT NOT NULL,
            token BIGINT NOT NULL DEFAULT 0,
            holder TEXT,
            marked BOOLEAN NOT NULL DEFAULT FALSE,
            dead_at BIGINT,
            dead_reason TEXT
        );
INSERT INTO "shelfport_initializations" VALUES('2f1c6d0e-8a4b-4f9d-9c57-0d6f3f1e2b7a','c9bf9e57-1685-4c89-bafb-ff5af830be8a',5,10,'NOT_ORDERABLE',1767225600000000,1767225660000000,'the-host''s','00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',2,'busy',1,1767225600000001,NULL,1,NULL,NULL);
INSERT INTO "shelfport_initializations" VALUES('7d444840-9dc0-11d1-b245-5ffdce74fad2','e4eaaaf2-d142-11e1-b3e4-080027620cdd',0,10,'RETRY_LATER',1767225601000000,1767225661000000,NULL,NULL,1,'the key is another''s',1,1767225600000002,NULL,0,1767225661000000,'KEY_REUSED');
CREATE TABLE shelfport_schema (version BIGINT NOT NULL);
INSERT INTO "shelfport_schema" VALUES(1);
CREATE INDEX shelfport_initializations_due ON shelfport_initializations (due_at, queued_at) WHERE dead_at IS NULL;
CREATE INDEX shelfport_initializations_age ON shelfport_initializations (queued_at) WHERE dead_at IS NULL;
CREATE INDEX shelfport_initializations_dead ON shelfport_initializations (dead_at) WHERE dead_at IS NOT NULL;
CREATE INDEX shelfport_initializations_variant ON shelfport_initializations (variant_id);
COMMIT;
