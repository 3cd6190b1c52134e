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
CREATE INDEX `api_keys_by_prefix` ON `api_keys` (`tenant_id`,`prefix`);--> statement-breakpoint
CREATE INDEX `api_keys_revoked` ON `api_keys` (`revoked_at`) WHERE revoked_at IS NOT NULL;--> statement-breakpoint
CREATE TABLE `signing_keys` (
	`id` text PRIMARY KEY NOT NULL,
	`tenant_id` text NOT NULL,
	`name` text NOT NULL,
	`algorithm` text NOT NULL,
	`jwk` text NOT NULL,
	`created_at` integer NOT NULL,
	`revoked_at` integer,
	FOREIGN KEY (`tenant_id`) REFERENCES `tenants`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `signing_keys_by_tenant` ON `signing_keys` (`tenant_id`,`id`);--> statement-breakpoint
CREATE INDEX `signing_keys_revoked` ON `signing_keys` (`revoked_at`) WHERE revoked_at IS NOT NULL;--> statement-breakpoint
CREATE TABLE `tenants` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`created_at` integer NOT NULL,
	`stripe_customer` text
);
--> statement-breakpoint
CREATE TABLE `token_revocations` (
	`tenant_id` text NOT NULL,
	`subject` text NOT NULL,
	`revoked_at` integer NOT NULL,
	PRIMARY KEY(`tenant_id`, `subject`)
);
--> statement-breakpoint
CREATE INDEX `token_revocations_by_time` ON `token_revocations` (`tenant_id`,`revoked_at`);--> statement-breakpoint
CREATE INDEX `token_revocations_lately` ON `token_revocations` (`revoked_at`);