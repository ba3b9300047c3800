-- A queue as schema version 2 left it: a dead entry, a postponed one, a claimed one, a new one.
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
    , host_id TEXT);
INSERT INTO "shelfport_initializations" VALUES('2f1c6d0e-8a4b-4f9d-9c57-0d6f3f1e2b01','c9bf9e57-1685-4c89-bafb-ff5af830be01',1,10,'RETRY_LATER',1767225600000000,1767225604000000,NULL,NULL,2,'busy',2,1767225603000000,NULL,0,1767225604000000,'EXHAUSTED',NULL);
INSERT INTO "shelfport_initializations" VALUES('2f1c6d0e-8a4b-4f9d-9c57-0d6f3f1e2b02','c9bf9e57-1685-4c89-bafb-ff5af830be02',2,10,'NOT_ORDERABLE',1767225605000000,1767225660000000,'the-host''s','00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',2,'busy',2,1767225606000000,NULL,1,NULL,NULL,'SKU-2');
INSERT INTO "shelfport_initializations" VALUES('2f1c6d0e-8a4b-4f9d-9c57-0d6f3f1e2b03','c9bf9e57-1685-4c89-bafb-ff5af830be03',3,10,'RETRY_LATER',1767225607000000,1767225668000000,NULL,NULL,1,NULL,2,1767225608000000,'host/1',0,NULL,NULL,NULL);
INSERT INTO "shelfport_initializations" VALUES('2f1c6d0e-8a4b-4f9d-9c57-0d6f3f1e2b04','c9bf9e57-1685-4c89-bafb-ff5af830be04',4,10,'RETRY_LATER',1767225609000000,1767225609000000,NULL,NULL,0,NULL,2,0,NULL,0,NULL,NULL,NULL);
CREATE TABLE shelfport_schema (version BIGINT NOT NULL);
INSERT INTO "shelfport_schema" VALUES(2);
CREATE INDEX shelfport_initializations_due ON shelfport_initializations (due_at, queued_at) WHERE dead_at IS NULL;
CREATE INDEX shelfport_initializations_age ON shelfport_initializations (queued_at) WHERE dead_at IS NULL;
CREATE INDEX shelfport_initializations_dead ON shelfport_initializations (dead_at) WHERE dead_at IS NOT NULL;
CREATE INDEX shelfport_initializations_variant ON shelfport_initializations (variant_id);
COMMIT;
