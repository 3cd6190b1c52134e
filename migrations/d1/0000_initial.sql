CREATE TABLE `adapter_refs` (
	`tenant_id` text NOT NULL,
	`digest` text NOT NULL,
	`session_id` text NOT NULL,
	`bytes` integer NOT NULL,
	`counted` integer DEFAULT 0 NOT NULL,
	`erasing` integer DEFAULT 0 NOT NULL,
	PRIMARY KEY(`tenant_id`, `digest`, `session_id`)
);
--> statement-breakpoint
CREATE INDEX `adapter_refs_by_session` ON `adapter_refs` (`tenant_id`,`session_id`);--> statement-breakpoint
CREATE TABLE `api_keys` (
	`id` text PRIMARY KEY NOT NULL,
	`tenant_id` text NOT NULL,
	`hash` text NOT NULL,
	`prefix` text NOT NULL,
	`name` text NOT NULL,
	`scopes` text NOT NULL,
	`requests_per_minute` integer,
	`created_at` integer NOT NULL,
	`expires_at` integer,
	`revoked_at` integer,
	FOREIGN KEY (`tenant_id`) REFERENCES `tenants`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `api_keys_hash_unique` ON `api_keys` (`hash`);--> statement-breakpoint
CREATE INDEX `api_keys_by_tenant` ON `api_keys` (`tenant_id`,`id`);--> statement-breakpoint
CREATE TABLE `budgets` (
	`tenant_id` text PRIMARY KEY NOT NULL,
	`cap_nanos` integer,
	`updated_at` integer NOT NULL,
	FOREIGN KEY (`tenant_id`) REFERENCES `tenants`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE TABLE `idempotency` (
	`tenant_id` text NOT NULL,
	`key` text NOT NULL,
	`fingerprint` text NOT NULL,
	`status` integer,
	`headers` text,
	`body` text,
	`session_id` text,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`tenant_id`, `key`)
);
--> statement-breakpoint
CREATE INDEX `idempotency_by_age` ON `idempotency` (`created_at`);--> statement-breakpoint
CREATE INDEX `idempotency_by_session` ON `idempotency` (`tenant_id`,`session_id`);--> statement-breakpoint
CREATE TABLE `reservations` (
	`event_id` text PRIMARY KEY NOT NULL,
	`tenant_id` text NOT NULL,
	`amount_nanos` integer NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `reservations_by_tenant` ON `reservations` (`tenant_id`,`expires_at`);--> statement-breakpoint
CREATE TABLE `session_index` (
	`id` text PRIMARY KEY NOT NULL,
	`tenant_id` text NOT NULL,
	`title` text,
	`mode` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`turns` integer DEFAULT 0 NOT NULL,
	`generation` text DEFAULT 'base' NOT NULL
);
--> statement-breakpoint
CREATE INDEX `sessions_by_tenant` ON `session_index` (`tenant_id`,`id`);--> statement-breakpoint
CREATE TABLE `spend` (
	`tenant_id` text NOT NULL,
	`month` text NOT NULL,
	`spent_nanos` integer NOT NULL,
	PRIMARY KEY(`tenant_id`, `month`)
);
--> statement-breakpoint
CREATE TABLE `stripe_outbox` (
	`event_id` text PRIMARY KEY NOT NULL,
	`attempts` integer DEFAULT 0 NOT NULL,
	`due_at` integer NOT NULL,
	`failure` text
);
--> statement-breakpoint
CREATE INDEX `stripe_outbox_by_due` ON `stripe_outbox` (`due_at`);--> statement-breakpoint
CREATE TABLE `tenants` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`created_at` integer NOT NULL,
	`session_count` integer DEFAULT 0 NOT NULL,
	`adapter_bytes` integer DEFAULT 0 NOT NULL,
	`lexicon` text,
	`erasure` text,
	`stripe_customer` text
);
--> statement-breakpoint
CREATE TABLE `usage_events` (
	`event_id` text PRIMARY KEY NOT NULL,
	`tenant_id` text NOT NULL,
	`key_id` text,
	`session_id` text,
	`kind` text NOT NULL,
	`at` integer NOT NULL,
	`day` text NOT NULL,
	`prompt_tokens` integer DEFAULT 0 NOT NULL,
	`cached_tokens` integer DEFAULT 0 NOT NULL,
	`completion_tokens` integer DEFAULT 0 NOT NULL,
	`adaptations_accepted` integer DEFAULT 0 NOT NULL,
	`adaptations_rejected` integer DEFAULT 0 NOT NULL,
	`rewriter_calls` integer DEFAULT 0 NOT NULL,
	`gpu_ms` integer DEFAULT 0 NOT NULL,
	`cost_nanos` integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE INDEX `usage_by_day` ON `usage_events` (`tenant_id`,`day`);--> statement-breakpoint
CREATE INDEX `usage_by_session` ON `usage_events` (`tenant_id`,`session_id`);