CREATE TABLE `stripe_outbox` (
	`event_id` text PRIMARY KEY NOT NULL,
	`attempts` integer DEFAULT 0 NOT NULL,
	`due_at` integer NOT NULL,
	`failure` text
);
--> statement-breakpoint
CREATE INDEX `stripe_outbox_by_due` ON `stripe_outbox` (`due_at`);--> statement-breakpoint
ALTER TABLE `api_keys` ADD `requests_per_minute` integer;--> statement-breakpoint
ALTER TABLE `tenants` ADD `lexicon` text;--> statement-breakpoint
ALTER TABLE `tenants` ADD `erasure` text;--> statement-breakpoint
ALTER TABLE `tenants` ADD `stripe_customer` text;