BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0006');
CREATE TABLE events (
	id INTEGER NOT NULL, 
	room VARCHAR(255) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	data TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	position BIGINT, 
	CONSTRAINT pk_events PRIMARY KEY (id), 
	CONSTRAINT uq_events_position UNIQUE (position)
);
INSERT INTO "events" VALUES(1,'seller:2','order:new','{"id":"1","orderNumber":"OC-00000001","status":"pending","user":{"id":"1","name":"A customer"},"seller":{"id":"2","name":"A seller"},"items":[{"productId":"1","name":"Tea","quantity":1,"unitPriceCents":250}],"totalCents":250,"currency":"EUR","version":1,"createdAt":"2026-11-27T02:50:52.155000Z","updatedAt":"2026-11-27T02:50:52.155000Z"}','2026-11-27 02:50:52.157000',1);
INSERT INTO "events" VALUES(2,'user:1','order:status','{"id":"1","orderNumber":"OC-00000001","status":"confirmed"}','2026-11-27 02:50:52.172000',2);
INSERT INTO "events" VALUES(3,'seller:2','order:new','{"id":"1","orderNumber":"OC-00000001","status":"confirmed","user":{"id":"1","name":"A customer"},"seller":{"id":"2","name":"A seller"},"items":[{"productId":"1","name":"Tea","quantity":1,"unitPriceCents":250}],"totalCents":250,"currency":"EUR","version":2,"createdAt":"2026-11-27T02:50:52.155000Z","updatedAt":"2026-11-27T02:50:52.171000Z"}','2026-11-27 02:50:52.172000',3);
INSERT INTO "events" VALUES(4,'user:1','disconnect','{}','2026-11-27 02:45:00.000000',4);
INSERT INTO "events" VALUES(5,'user:1','notification','{"title":"Parcel","message":"It is on its way","type":"info"}','2026-11-27 02:50:53.756000',5);
INSERT INTO "events" VALUES(6,'control','revoked','{"kind":"token","value":"3b0d1f0e-7c1a-4c0e-9a55-1c2d3e4f5061","at":"2026-11-27T02:50:55.243000+00:00"}','2026-11-27 02:50:55.262000',6);
INSERT INTO "events" VALUES(7,'control','revoked','{"kind":"session","value":"eeb17323743d4a9b88a6fb7e6725380c","at":"2026-11-27T02:50:57.113000+00:00"}','2026-11-27 02:50:57.120000',7);
INSERT INTO "events" VALUES(8,'control','revoked','{"kind":"user","value":"3","at":"2026-11-27T02:50:59.042000+00:00"}','2026-11-27 02:50:59.048000',8);
INSERT INTO "events" VALUES(9,'control','revoked','{"kind":"session","value":"49d48bd7cb2c4384b2e449e182b30e1e","at":"2026-11-27T02:50:59.050000+00:00"}','2026-11-27 02:50:59.053000',9);
INSERT INTO "events" VALUES(10,'control','revoked','{"kind":"account","value":"3","at":"2026-11-27T02:51:01.122000+00:00","detail":"disabled"}','2026-11-27 02:51:01.129000',10);
INSERT INTO "events" VALUES(11,'control','revoked','{"kind":"user","value":"3","at":"2026-11-27T02:51:01.126000+00:00"}','2026-11-27 02:51:01.132000',11);
INSERT INTO "events" VALUES(12,'control','disconnect','{"userId":"3","at":"2026-11-27T02:51:02.907000+00:00"}','2026-11-27 02:51:02.914000',12);
INSERT INTO "events" VALUES(13,'user:1','order:status','{"id":"1","orderNumber":"OC-00000001","status":"processing"}','2026-11-27 02:51:04.565000',NULL);
INSERT INTO "events" VALUES(14,'seller:2','order:new','{"id":"1","orderNumber":"OC-00000001","status":"processing","user":{"id":"1","name":"A customer"},"seller":{"id":"2","name":"A seller"},"items":[{"productId":"1","name":"Tea","quantity":1,"unitPriceCents":250}],"totalCents":250,"currency":"EUR","version":3,"createdAt":"2026-11-27T02:50:52.155000Z","updatedAt":"2026-11-27T02:51:04.564000Z"}','2026-11-27 02:51:04.565000',NULL);
INSERT INTO "events" VALUES(15,'seller:2','order:new','{"id":"2","orderNumber":"OC-00000002","status":"pending","user":{"id":"1","name":"A customer"},"seller":{"id":"2","name":"A seller"},"items":[{"productId":"1","name":"Tea","quantity":1,"unitPriceCents":250}],"totalCents":250,"currency":"EUR","version":1,"createdAt":"2026-11-27T02:51:04.575000Z","updatedAt":"2026-11-27T02:51:04.575000Z"}','2026-11-27 02:51:04.577000',NULL);
CREATE TABLE events_set_aside (
	position BIGINT NOT NULL, 
	reason VARCHAR(300) NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_events_set_aside PRIMARY KEY (position)
);
INSERT INTO "events_set_aside" VALUES(4,'a client closes its connection at an event named disconnect','2026-11-27 02:50:52.702000');
CREATE TABLE idempotency_keys (
	scope VARCHAR(64) NOT NULL, 
	"key" VARCHAR(255) NOT NULL, 
	fingerprint VARCHAR(64) NOT NULL, 
	answer TEXT, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_idempotency_keys PRIMARY KEY (scope, "key")
);
CREATE TABLE inbox_ids (
	id VARCHAR(208) NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_inbox_ids PRIMARY KEY (id)
);
INSERT INTO "inbox_ids" VALUES('id:parcel-7','2026-11-27 02:50:53.750000');
CREATE TABLE journal_head (
	id INTEGER NOT NULL, 
	position BIGINT NOT NULL, 
	lowest BIGINT NOT NULL, 
	journal VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_journal_head PRIMARY KEY (id), 
	CONSTRAINT ck_journal_head_one_row CHECK (id = 1)
);
INSERT INTO "journal_head" VALUES(1,12,1,'0f2c6a1d9b3e4857a6c1d2e3f4051627');
CREATE TABLE login_attempts (
	address VARCHAR(64) NOT NULL, 
	email VARCHAR(254) NOT NULL, 
	window_start INTEGER NOT NULL, 
	count INTEGER NOT NULL, 
	CONSTRAINT pk_login_attempts PRIMARY KEY (address, email)
);
CREATE TABLE notifications (
	id INTEGER NOT NULL, 
	user_id VARCHAR(200) NOT NULL, 
	title VARCHAR(200) NOT NULL, 
	message TEXT NOT NULL, 
	type VARCHAR(50) NOT NULL, 
	read_at DATETIME, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_notifications PRIMARY KEY (id)
);
CREATE TABLE order_items (
	order_id INTEGER NOT NULL, 
	product_id INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	quantity INTEGER NOT NULL, 
	unit_price_cents INTEGER NOT NULL, 
	CONSTRAINT pk_order_items PRIMARY KEY (order_id, product_id), 
	CONSTRAINT ck_order_items_quantity_positive CHECK (quantity > 0), 
	CONSTRAINT fk_order_items_order_id_orders FOREIGN KEY(order_id) REFERENCES orders (id), 
	CONSTRAINT fk_order_items_product_id_products FOREIGN KEY(product_id) REFERENCES products (id)
);
INSERT INTO "order_items" VALUES(1,1,'Tea',1,250);
INSERT INTO "order_items" VALUES(2,1,'Tea',1,250);
CREATE TABLE orders (
	id INTEGER NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	customer_id INTEGER NOT NULL, 
	seller_id INTEGER NOT NULL, 
	total_cents BIGINT NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	version INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	CONSTRAINT pk_orders PRIMARY KEY (id), 
	CONSTRAINT ck_orders_total_not_negative CHECK (total_cents >= 0), 
	CONSTRAINT fk_orders_customer_id_users FOREIGN KEY(customer_id) REFERENCES users (id), 
	CONSTRAINT fk_orders_seller_id_users FOREIGN KEY(seller_id) REFERENCES users (id)
);
INSERT INTO "orders" VALUES(1,'processing',1,2,250,'EUR',3,'2026-11-27 02:50:52.155000','2026-11-27 02:51:04.564000');
INSERT INTO "orders" VALUES(2,'pending',1,2,250,'EUR',1,'2026-11-27 02:51:04.575000','2026-11-27 02:51:04.575000');
CREATE TABLE products (
	id INTEGER NOT NULL, 
	seller_id INTEGER NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	price_cents INTEGER NOT NULL, 
	currency VARCHAR(3) NOT NULL, 
	stock INTEGER NOT NULL, 
	low_stock_threshold INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	CONSTRAINT pk_products PRIMARY KEY (id), 
	CONSTRAINT ck_products_threshold_not_negative CHECK (low_stock_threshold >= 0), 
	CONSTRAINT ck_products_price_not_negative CHECK (price_cents >= 0), 
	CONSTRAINT ck_products_stock_not_negative CHECK (stock >= 0), 
	CONSTRAINT fk_products_seller_id_users FOREIGN KEY(seller_id) REFERENCES users (id)
);
INSERT INTO "products" VALUES(1,2,'Tea',250,'EUR',98,0,'2026-11-27 02:50:52.140000','2026-11-27 02:51:04.575000');
CREATE TABLE revocations (
	kind VARCHAR(16) NOT NULL, 
	value VARCHAR(255) NOT NULL, 
	revoked_at DATETIME NOT NULL, 
	expires_at DATETIME, detail VARCHAR(16), 
	CONSTRAINT pk_revocations PRIMARY KEY (kind, value)
);
INSERT INTO "revocations" VALUES('token','3b0d1f0e-7c1a-4c0e-9a55-1c2d3e4f5061','2026-11-27 02:50:55.243000',NULL,NULL);
INSERT INTO "revocations" VALUES('session','eeb17323743d4a9b88a6fb7e6725380c','2026-11-27 02:50:57.113000',NULL,NULL);
INSERT INTO "revocations" VALUES('user','3','2026-11-27 02:51:01.126000',NULL,NULL);
INSERT INTO "revocations" VALUES('session','49d48bd7cb2c4384b2e449e182b30e1e','2026-11-27 02:50:59.050000','2026-12-27 02:50:52.102000',NULL);
INSERT INTO "revocations" VALUES('account','3','2026-11-27 02:51:01.122000',NULL,'disabled');
INSERT INTO "revocations" VALUES('connections','3','2026-11-27 02:51:02.907000','2026-11-27 03:01:02.907000',NULL);
CREATE TABLE sessions (
	id VARCHAR(32) NOT NULL, 
	user_id INTEGER NOT NULL, 
	refresh_jti VARCHAR(36) NOT NULL, 
	created_at DATETIME NOT NULL, 
	expires_at DATETIME NOT NULL, 
	revoked_at DATETIME, previous_jti VARCHAR(36), issued_at DATETIME, 
	CONSTRAINT pk_sessions PRIMARY KEY (id), 
	CONSTRAINT fk_sessions_user_id_users FOREIGN KEY(user_id) REFERENCES users (id)
);
INSERT INTO "sessions" VALUES('8112d85c9be84f729217c003d9268809',1,'f78a04ec313e4febb5a97d98c8b74755','2026-11-27 02:50:51.074000','2026-12-27 02:50:51.072000',NULL,NULL,'2026-11-27 02:50:51.072000');
INSERT INTO "sessions" VALUES('6ee64f9a4dfd4f1297707a1508e22d91',2,'26a820ba38d24b78b9fd427626341a4d','2026-11-27 02:50:51.634000','2026-12-27 02:50:51.633000',NULL,NULL,'2026-11-27 02:50:51.633000');
INSERT INTO "sessions" VALUES('49d48bd7cb2c4384b2e449e182b30e1e',3,'581b7e812a0a4d538fb26aeefbaf733a','2026-11-27 02:50:52.103000','2026-12-27 02:50:52.102000','2026-11-27 02:50:59.045000',NULL,'2026-11-27 02:50:52.102000');
INSERT INTO "sessions" VALUES('eeb17323743d4a9b88a6fb7e6725380c',2,'0b4aed81e31840c7b435d7cfce51738b','2026-11-27 02:50:55.949000','2026-12-27 02:50:55.949000','2026-11-27 02:50:57.122000',NULL,'2026-11-27 02:50:55.949000');
CREATE TABLE users (
	id INTEGER NOT NULL, 
	email VARCHAR(254) NOT NULL, 
	name VARCHAR(100) NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	password_hash VARCHAR(255) NOT NULL, 
	created_at DATETIME NOT NULL, disabled_at DATETIME, 
	CONSTRAINT pk_users PRIMARY KEY (id), 
	CONSTRAINT uq_users_email UNIQUE (email)
);
INSERT INTO "users" VALUES(1,'alice@example.com','A customer','customer','$argon2id$v=19$m=65536,t=3,p=4$6zgq0E7hdype29kawRhX7Q$2k7V1DZHT+OFGZStiMMHOPLjJGu5orba6wyy+5i0lMM','2026-11-27 02:50:50.765000',NULL);
INSERT INTO "users" VALUES(2,'bob@example.com','A seller','seller','$argon2id$v=19$m=65536,t=3,p=4$eVeS5R3sYob5TUV0+630ZQ$AlqiaFqtvq1SY5t90Io+Eop8t29GCloIO2zHLnTbERc','2026-11-27 02:50:51.372000',NULL);
INSERT INTO "users" VALUES(3,'charlie@example.com','A customer','customer','$argon2id$v=19$m=65536,t=3,p=4$OGd0mD8OLSo57durUpnOrA$TZNsi6AdlDlZboJ/U/bR7+nJbA5uvWTVWG1D26K9INM','2026-11-27 02:50:51.873000','2026-11-27 02:51:01.122000');
CREATE INDEX ix_events_room_position ON events (room, position);
CREATE INDEX ix_events_unsequenced ON events (id) WHERE position IS NULL;
CREATE INDEX ix_idempotency_keys_created_at ON idempotency_keys (created_at);
CREATE INDEX ix_login_attempts_window_start ON login_attempts (window_start);
CREATE INDEX ix_notifications_user_id_id ON notifications (user_id, id);
CREATE INDEX ix_revocations_expires_at ON revocations (expires_at);
CREATE INDEX ix_orders_customer_id ON orders (customer_id);
CREATE INDEX ix_orders_seller_id ON orders (seller_id);
CREATE INDEX ix_orders_status_created_at ON orders (status, created_at);
CREATE INDEX ix_products_seller_id ON products (seller_id);
CREATE INDEX ix_sessions_expires_at ON sessions (expires_at);
CREATE INDEX ix_sessions_user_id ON sessions (user_id);
CREATE INDEX ix_inbox_ids_created_at ON inbox_ids (created_at);
CREATE TRIGGER events_data_is_json_insert BEFORE INSERT ON events WHEN NOT json_valid(NEW.data) BEGIN SELECT RAISE(ABORT, 'events.data is not JSON'); END;
CREATE TRIGGER events_data_is_json_update BEFORE UPDATE OF data ON events WHEN NOT json_valid(NEW.data) BEGIN SELECT RAISE(ABORT, 'events.data is not JSON'); END;
CREATE INDEX ix_revocations_revoked_at ON revocations (revoked_at);
COMMIT;
