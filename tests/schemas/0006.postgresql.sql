CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.events (
    id bigint NOT NULL,
    room character varying(255) NOT NULL,
    name character varying(255) NOT NULL,
    data text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    "position" bigint
);
CREATE SEQUENCE public.events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.events_id_seq OWNED BY public.events.id;
CREATE TABLE public.events_set_aside (
    "position" bigint NOT NULL,
    reason character varying(300) NOT NULL,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE public.idempotency_keys (
    scope character varying(64) NOT NULL,
    key character varying(255) NOT NULL,
    fingerprint character varying(64) NOT NULL,
    answer text,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE public.inbox_ids (
    id character varying(208) NOT NULL,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE public.journal_head (
    id integer NOT NULL,
    "position" bigint NOT NULL,
    lowest bigint NOT NULL,
    journal character varying(32) NOT NULL,
    CONSTRAINT ck_journal_head_one_row CHECK ((id = 1))
);
CREATE TABLE public.login_attempts (
    address character varying(64) NOT NULL,
    email character varying(254) NOT NULL,
    window_start integer NOT NULL,
    count integer NOT NULL
);
CREATE TABLE public.notifications (
    id bigint NOT NULL,
    user_id character varying(200) NOT NULL,
    title character varying(200) NOT NULL,
    message text NOT NULL,
    type character varying(50) NOT NULL,
    read_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL
);
CREATE SEQUENCE public.notifications_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.notifications_id_seq OWNED BY public.notifications.id;
CREATE TABLE public.order_items (
    order_id bigint NOT NULL,
    product_id bigint NOT NULL,
    name character varying(200) NOT NULL,
    quantity integer NOT NULL,
    unit_price_cents integer NOT NULL,
    CONSTRAINT ck_order_items_quantity_positive CHECK ((quantity > 0))
);
CREATE TABLE public.orders (
    id bigint NOT NULL,
    status character varying(16) NOT NULL,
    customer_id bigint NOT NULL,
    seller_id bigint NOT NULL,
    total_cents bigint NOT NULL,
    currency character varying(3) NOT NULL,
    version integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_orders_total_not_negative CHECK ((total_cents >= 0))
);
CREATE SEQUENCE public.orders_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.orders_id_seq OWNED BY public.orders.id;
CREATE TABLE public.products (
    id bigint NOT NULL,
    seller_id bigint NOT NULL,
    name character varying(200) NOT NULL,
    price_cents integer NOT NULL,
    currency character varying(3) NOT NULL,
    stock integer NOT NULL,
    low_stock_threshold integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_products_price_not_negative CHECK ((price_cents >= 0)),
    CONSTRAINT ck_products_stock_not_negative CHECK ((stock >= 0)),
    CONSTRAINT ck_products_threshold_not_negative CHECK ((low_stock_threshold >= 0))
);
CREATE SEQUENCE public.products_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.products_id_seq OWNED BY public.products.id;
CREATE TABLE public.revocations (
    kind character varying(16) NOT NULL,
    value character varying(255) NOT NULL,
    revoked_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    detail character varying(16)
);
CREATE TABLE public.sessions (
    id character varying(32) NOT NULL,
    user_id bigint NOT NULL,
    refresh_jti character varying(36) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    previous_jti character varying(36),
    issued_at timestamp with time zone
);
CREATE TABLE public.users (
    id bigint NOT NULL,
    email character varying(254) NOT NULL,
    name character varying(100) NOT NULL,
    role character varying(16) NOT NULL,
    password_hash character varying(255) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    disabled_at timestamp with time zone
);
CREATE SEQUENCE public.users_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.users_id_seq OWNED BY public.users.id;
ALTER TABLE ONLY public.events ALTER COLUMN id SET DEFAULT nextval('public.events_id_seq'::regclass);
ALTER TABLE ONLY public.notifications ALTER COLUMN id SET DEFAULT nextval('public.notifications_id_seq'::regclass);
ALTER TABLE ONLY public.orders ALTER COLUMN id SET DEFAULT nextval('public.orders_id_seq'::regclass);
ALTER TABLE ONLY public.products ALTER COLUMN id SET DEFAULT nextval('public.products_id_seq'::regclass);
ALTER TABLE ONLY public.users ALTER COLUMN id SET DEFAULT nextval('public.users_id_seq'::regclass);
INSERT INTO public.alembic_version (version_num) VALUES ('0006');
INSERT INTO public.events (id, room, name, data, created_at, "position") VALUES (1, 'seller:2', 'order:new', '{"id":"1","orderNumber":"OC-00000001","status":"pending","user":{"id":"1","name":"A customer"},"seller":{"id":"2","name":"A seller"},"items":[{"productId":"1","name":"Tea","quantity":1,"unitPriceCents":250}],"totalCents":250,"currency":"EUR","version":1,"createdAt":"2026-11-27T02:51:14.655000Z","updatedAt":"2026-11-27T02:51:14.655000Z"}', '2026-11-27 02:51:14.66276+00', 1);
INSERT INTO public.events (id, room, name, data, created_at, "position") VALUES (2, 'user:1', 'order:status', '{"id":"1","orderNumber":"OC-00000001","status":"confirmed"}', '2026-11-27 02:51:14.691298+00', 2);
INSERT INTO public.events (id, room, name, data, created_at, "position") VALUES (3, 'seller:2', 'order:new', '{"id":"1","orderNumber":"OC-00000001","status":"confirmed","user":{"id":"1","name":"A customer"},"seller":{"id":"2","name":"A seller"},"items":[{"productId":"1","name":"Tea","quantity":1,"unitPriceCents":250}],"totalCents":250,"currency":"EUR","version":2,"createdAt":"2026-11-27T02:51:14.655000Z","updatedAt":"2026-11-27T02:51:14.688000Z"}', '2026-11-27 02:51:14.6913+00', 3);
INSERT INTO public.events (id, room, name, data, created_at, "position") VALUES (4, 'user:1', 'disconnect', '{}', '2026-11-27 02:45:00+00', 4);
INSERT INTO public.events (id, room, name, data, created_at, "position") VALUES (5, 'user:1', 'notification', '{"title":"Parcel","message":"It is on its way","type":"info"}', '2026-11-27 02:51:16.3545+00', 5);
INSERT INTO public.events (id, room, name, data, created_at, "position") VALUES (6, 'control', 'revoked', '{"kind":"token","value":"3b0d1f0e-7c1a-4c0e-9a55-1c2d3e4f5061","at":"2026-11-27T02:51:17.672000+00:00"}', '2026-11-27 02:51:17.696175+00', 6);
INSERT INTO public.events (id, room, name, data, created_at, "position") VALUES (7, 'control', 'revoked', '{"kind":"session","value":"7fcf905173c745b694b3513b20d498a1","at":"2026-11-27T02:51:19.339000+00:00"}', '2026-11-27 02:51:19.34471+00', 7);
INSERT INTO public.events (id, room, name, data, created_at, "position") VALUES (8, 'control', 'revoked', '{"kind":"user","value":"3","at":"2026-11-27T02:51:20.785000+00:00"}', '2026-11-27 02:51:20.791599+00', 8);
INSERT INTO public.events (id, room, name, data, created_at, "position") VALUES (9, 'control', 'revoked', '{"kind":"session","value":"12c85eab33274ecea0c48338a074249f","at":"2026-11-27T02:51:20.794000+00:00"}', '2026-11-27 02:51:20.797629+00', 9);
INSERT INTO public.events (id, room, name, data, created_at, "position") VALUES (10, 'control', 'revoked', '{"kind":"account","value":"3","at":"2026-11-27T02:51:22.306000+00:00","detail":"disabled"}', '2026-11-27 02:51:22.317202+00', 10);
INSERT INTO public.events (id, room, name, data, created_at, "position") VALUES (11, 'control', 'revoked', '{"kind":"user","value":"3","at":"2026-11-27T02:51:22.313000+00:00"}', '2026-11-27 02:51:22.321914+00', 11);
INSERT INTO public.events (id, room, name, data, created_at, "position") VALUES (12, 'control', 'disconnect', '{"userId":"3","at":"2026-11-27T02:51:23.732000+00:00"}', '2026-11-27 02:51:23.738302+00', 12);
INSERT INTO public.events (id, room, name, data, created_at, "position") VALUES (13, 'user:1', 'order:status', '{"id":"1","orderNumber":"OC-00000001","status":"processing"}', '2026-11-27 02:51:25.401021+00', NULL);
INSERT INTO public.events (id, room, name, data, created_at, "position") VALUES (14, 'seller:2', 'order:new', '{"id":"1","orderNumber":"OC-00000001","status":"processing","user":{"id":"1","name":"A customer"},"seller":{"id":"2","name":"A seller"},"items":[{"productId":"1","name":"Tea","quantity":1,"unitPriceCents":250}],"totalCents":250,"currency":"EUR","version":3,"createdAt":"2026-11-27T02:51:14.655000Z","updatedAt":"2026-11-27T02:51:25.399000Z"}', '2026-11-27 02:51:25.401023+00', NULL);
INSERT INTO public.events (id, room, name, data, created_at, "position") VALUES (15, 'seller:2', 'order:new', '{"id":"2","orderNumber":"OC-00000002","status":"pending","user":{"id":"1","name":"A customer"},"seller":{"id":"2","name":"A seller"},"items":[{"productId":"1","name":"Tea","quantity":1,"unitPriceCents":250}],"totalCents":250,"currency":"EUR","version":1,"createdAt":"2026-11-27T02:51:25.414000Z","updatedAt":"2026-11-27T02:51:25.414000Z"}', '2026-11-27 02:51:25.417498+00', NULL);
INSERT INTO public.events_set_aside ("position", reason, created_at) VALUES (4, 'a client closes its connection at an event named disconnect', '2026-11-27 02:51:15.214664+00');
INSERT INTO public.inbox_ids (id, created_at) VALUES ('id:parcel-7', '2026-11-27 02:51:16.349+00');
INSERT INTO public.journal_head (id, "position", lowest, journal) VALUES (1, 12, 1, '0f2c6a1d9b3e4857a6c1d2e3f4051627');
INSERT INTO public.order_items (order_id, product_id, name, quantity, unit_price_cents) VALUES (1, 1, 'Tea', 1, 250);
INSERT INTO public.order_items (order_id, product_id, name, quantity, unit_price_cents) VALUES (2, 1, 'Tea', 1, 250);
INSERT INTO public.orders (id, status, customer_id, seller_id, total_cents, currency, version, created_at, updated_at) VALUES (1, 'processing', 1, 2, 250, 'EUR', 3, '2026-11-27 02:51:14.655+00', '2026-11-27 02:51:25.399+00');
INSERT INTO public.orders (id, status, customer_id, seller_id, total_cents, currency, version, created_at, updated_at) VALUES (2, 'pending', 1, 2, 250, 'EUR', 1, '2026-11-27 02:51:25.414+00', '2026-11-27 02:51:25.414+00');
INSERT INTO public.products (id, seller_id, name, price_cents, currency, stock, low_stock_threshold, created_at, updated_at) VALUES (1, 2, 'Tea', 250, 'EUR', 98, 0, '2026-11-27 02:51:14.619+00', '2026-11-27 02:51:25.413+00');
INSERT INTO public.revocations (kind, value, revoked_at, expires_at, detail) VALUES ('token', '3b0d1f0e-7c1a-4c0e-9a55-1c2d3e4f5061', '2026-11-27 02:51:17.672+00', NULL, NULL);
INSERT INTO public.revocations (kind, value, revoked_at, expires_at, detail) VALUES ('session', '7fcf905173c745b694b3513b20d498a1', '2026-11-27 02:51:19.339+00', NULL, NULL);
INSERT INTO public.revocations (kind, value, revoked_at, expires_at, detail) VALUES ('session', '12c85eab33274ecea0c48338a074249f', '2026-11-27 02:51:20.794+00', '2026-12-27 02:51:14.545+00', NULL);
INSERT INTO public.revocations (kind, value, revoked_at, expires_at, detail) VALUES ('account', '3', '2026-11-27 02:51:22.306+00', NULL, 'disabled');
INSERT INTO public.revocations (kind, value, revoked_at, expires_at, detail) VALUES ('user', '3', '2026-11-27 02:51:22.313+00', NULL, NULL);
INSERT INTO public.revocations (kind, value, revoked_at, expires_at, detail) VALUES ('connections', '3', '2026-11-27 02:51:23.732+00', '2026-11-27 03:01:23.732+00', NULL);
INSERT INTO public.sessions (id, user_id, refresh_jti, created_at, expires_at, revoked_at, previous_jti, issued_at) VALUES ('0241991a4334493da2ce95121a68ea51', 1, '66b94d41fb2b4894b9398c87706f8fb5', '2026-11-27 02:51:13.615+00', '2026-12-27 02:51:13.613+00', NULL, NULL, '2026-11-27 02:51:13.613+00');
INSERT INTO public.sessions (id, user_id, refresh_jti, created_at, expires_at, revoked_at, previous_jti, issued_at) VALUES ('dbf1e933456d4299977f976cbf275791', 2, 'bd2bd7a3a385429bb630e25f198bb9a1', '2026-11-27 02:51:14.134+00', '2026-12-27 02:51:14.133+00', NULL, NULL, '2026-11-27 02:51:14.133+00');
INSERT INTO public.sessions (id, user_id, refresh_jti, created_at, expires_at, revoked_at, previous_jti, issued_at) VALUES ('7fcf905173c745b694b3513b20d498a1', 2, '42addecc096b4606ae00211b1ad5876d', '2026-11-27 02:51:18.284+00', '2026-12-27 02:51:18.283+00', '2026-11-27 02:51:19.346+00', NULL, '2026-11-27 02:51:18.283+00');
INSERT INTO public.sessions (id, user_id, refresh_jti, created_at, expires_at, revoked_at, previous_jti, issued_at) VALUES ('12c85eab33274ecea0c48338a074249f', 3, '3f1d49bce920474f95c407a64c3aa7a0', '2026-11-27 02:51:14.546+00', '2026-12-27 02:51:14.545+00', '2026-11-27 02:51:20.788+00', NULL, '2026-11-27 02:51:14.545+00');
INSERT INTO public.users (id, email, name, role, password_hash, created_at, disabled_at) VALUES (1, 'alice@example.com', 'A customer', 'customer', '$argon2id$v=19$m=65536,t=3,p=4$zitVcnmTisKBhtgxNAA5+w$JxcsjrrgvIfLDSECSmCIXNOg8eI65FUEWOFKp+WtCiU', '2026-11-27 02:51:13.351+00', NULL);
INSERT INTO public.users (id, email, name, role, password_hash, created_at, disabled_at) VALUES (2, 'bob@example.com', 'A seller', 'seller', '$argon2id$v=19$m=65536,t=3,p=4$V53oqu6ETpIRQ4UsoC1TQw$TQv745cb84hLzG6rspgPu5A0xBwTTIR5YRc49VBnU48', '2026-11-27 02:51:13.881+00', NULL);
INSERT INTO public.users (id, email, name, role, password_hash, created_at, disabled_at) VALUES (3, 'charlie@example.com', 'A customer', 'customer', '$argon2id$v=19$m=65536,t=3,p=4$ferQ3/VKOyPgfrXGWw/Gjw$3eCiuXTezdd6e2PxVlzdJt6UcUoTksxLotpAt/Y6O48', '2026-11-27 02:51:14.392+00', '2026-11-27 02:51:22.306+00');
SELECT pg_catalog.setval('public.events_id_seq', 15, true);
SELECT pg_catalog.setval('public.notifications_id_seq', 1, false);
SELECT pg_catalog.setval('public.orders_id_seq', 2, true);
SELECT pg_catalog.setval('public.products_id_seq', 1, true);
SELECT pg_catalog.setval('public.users_id_seq', 3, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE public.events
    ADD CONSTRAINT ck_events_data_is_json CHECK ((("position" IS NOT NULL) OR ((data)::json IS NOT NULL))) NOT VALID;
ALTER TABLE ONLY public.events
    ADD CONSTRAINT pk_events PRIMARY KEY (id);
ALTER TABLE ONLY public.events_set_aside
    ADD CONSTRAINT pk_events_set_aside PRIMARY KEY ("position");
ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT pk_idempotency_keys PRIMARY KEY (scope, key);
ALTER TABLE ONLY public.inbox_ids
    ADD CONSTRAINT pk_inbox_ids PRIMARY KEY (id);
ALTER TABLE ONLY public.journal_head
    ADD CONSTRAINT pk_journal_head PRIMARY KEY (id);
ALTER TABLE ONLY public.login_attempts
    ADD CONSTRAINT pk_login_attempts PRIMARY KEY (address, email);
ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT pk_notifications PRIMARY KEY (id);
ALTER TABLE ONLY public.order_items
    ADD CONSTRAINT pk_order_items PRIMARY KEY (order_id, product_id);
ALTER TABLE ONLY public.orders
    ADD CONSTRAINT pk_orders PRIMARY KEY (id);
ALTER TABLE ONLY public.products
    ADD CONSTRAINT pk_products PRIMARY KEY (id);
ALTER TABLE ONLY public.revocations
    ADD CONSTRAINT pk_revocations PRIMARY KEY (kind, value);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT pk_sessions PRIMARY KEY (id);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT pk_users PRIMARY KEY (id);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT uq_events_position UNIQUE ("position");
ALTER TABLE ONLY public.users
    ADD CONSTRAINT uq_users_email UNIQUE (email);
CREATE INDEX ix_events_room_position ON public.events USING btree (room, "position");
CREATE INDEX ix_events_unsequenced ON public.events USING btree (id) WHERE ("position" IS NULL);
CREATE INDEX ix_idempotency_keys_created_at ON public.idempotency_keys USING btree (created_at);
CREATE INDEX ix_inbox_ids_created_at ON public.inbox_ids USING btree (created_at);
CREATE INDEX ix_login_attempts_window_start ON public.login_attempts USING btree (window_start);
CREATE INDEX ix_notifications_user_id_id ON public.notifications USING btree (user_id, id);
CREATE INDEX ix_orders_customer_id ON public.orders USING btree (customer_id);
CREATE INDEX ix_orders_seller_id ON public.orders USING btree (seller_id);
CREATE INDEX ix_orders_status_created_at ON public.orders USING btree (status, created_at);
CREATE INDEX ix_products_seller_id ON public.products USING btree (seller_id);
CREATE INDEX ix_revocations_expires_at ON public.revocations USING btree (expires_at);
CREATE INDEX ix_revocations_revoked_at ON public.revocations USING btree (revoked_at);
CREATE INDEX ix_sessions_expires_at ON public.sessions USING btree (expires_at);
CREATE INDEX ix_sessions_user_id ON public.sessions USING btree (user_id);
ALTER TABLE ONLY public.order_items
    ADD CONSTRAINT fk_order_items_order_id_orders FOREIGN KEY (order_id) REFERENCES public.orders(id);
ALTER TABLE ONLY public.order_items
    ADD CONSTRAINT fk_order_items_product_id_products FOREIGN KEY (product_id) REFERENCES public.products(id);
ALTER TABLE ONLY public.orders
    ADD CONSTRAINT fk_orders_customer_id_users FOREIGN KEY (customer_id) REFERENCES public.users(id);
ALTER TABLE ONLY public.orders
    ADD CONSTRAINT fk_orders_seller_id_users FOREIGN KEY (seller_id) REFERENCES public.users(id);
ALTER TABLE ONLY public.products
    ADD CONSTRAINT fk_products_seller_id_users FOREIGN KEY (seller_id) REFERENCES public.users(id);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT fk_sessions_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id);
