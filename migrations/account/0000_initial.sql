CREATE TABLE `account` (
	`tenant_id` text PRIMARY KEY NOT NULL,
	`cap_nanos` integer,
	`session_count` integer DEFAULT 0 NOT NULL,
	`adapter_bytes` integer DEFAULT 0 NOT NULL,
	`lexicon` text,
	`adaptation` text,
	`budget_told` text,
	`erasure` text,
	`segment` integer DEFAULT 1 NOT NULL
);
--> statement-breakpoint
CREATE TABLE `adapter_refs` (
	`digest` text NOT NULL,
	`session_id` text NOT NULL,
	`bytes` integer NOT NULL,
	`erasing` integer DEFAULT 0 NOT NULL,
	PRIMARY KEY(`digest`, `session_id`)
);
--> statement-breakpoint
CREATE INDEX `adapter_refs_by_session` ON `adapter_refs` (`session_id`);--> statement-breakpoint
CREATE TABLE `answer_parts` (
	`key` text NOT NULL,
	`part` integer NOT NULL,
	`text` text NOT NULL,
	PRIMARY KEY(`key`, `part`)
);
--> statement-breakpoint
CREATE TABLE `archive_parts` (
	`segment` integer NOT NULL,
	`by` text NOT NULL,
	`part` integer NOT NULL,
	`first` text NOT NULL,
	`last` text NOT NULL,
	`cursor` text,
	PRIMARY KEY(`segment`, `by`, `part`)
);
--> statement-breakpoint
CREATE TABLE `archives` (
	`segment` integer PRIMARY KEY NOT NULL,
	`from_day` text NOT NULL,
	`to_day` text NOT NULL,
	`state` text NOT NULL,
	`is_erased` integer DEFAULT false NOT NULL
);
--> statement-breakpoint
CREATE INDEX `archives_by_day` ON `archives` (`to_day`);--> statement-breakpoint
CREATE INDEX `archives_by_state` ON `archives` (`state`);--> statement-breakpoint
CREATE TABLE `deleted_files` (
	`digest` text PRIMARY KEY NOT NULL,
	`at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `deleted_files_by_age` ON `deleted_files` (`at`);--> statement-breakpoint
CREATE TABLE `leases` (
	`holder` text PRIMARY KEY NOT NULL,
	`owner` text DEFAULT '' NOT NULL,
	`round` integer NOT NULL,
	`granted_nanos` integer NOT NULL,
	`settled_nanos` integer NOT NULL,
	`recorded_seq` integer DEFAULT 0 NOT NULL,
	`expires_at` integer NOT NULL,
	`closed_at` integer
);
--> statement-breakpoint
CREATE INDEX `leases_closed` ON `leases` (`closed_at`) WHERE closed_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX `leases_out` ON `leases` (`expires_at`,`granted_nanos`,`settled_nanos`) WHERE granted_nanos > settled_nanos;--> statement-breakpoint
CREATE INDEX `leases_by_owner` ON `leases` (`owner`,`granted_nanos`,`settled_nanos`) WHERE granted_nanos > settled_nanos;--> statement-breakpoint
CREATE TABLE `messages` (
	`id` text NOT NULL,
	`webhook_id` text NOT NULL,
	`body` text NOT NULL,
	`attempts` integer DEFAULT 0 NOT NULL,
	`due_at` integer NOT NULL,
	PRIMARY KEY(`webhook_id`, `id`)
);
--> statement-breakpoint
CREATE INDEX `messages_by_due` ON `messages` (`due_at`);--> statement-breakpoint
CREATE INDEX `messages_by_webhook` ON `messages` (`webhook_id`,`due_at`,`id`);--> statement-breakpoint
CREATE TABLE `outcomes` (
	`session_id` text PRIMARY KEY NOT NULL,
	`arm` text NOT NULL,
	`owner` text NOT NULL,
	`opened_at` integer NOT NULL,
	`turns` integer NOT NULL,
	`problems` integer NOT NULL,
	`judged` integer NOT NULL,
	`accepted` integer NOT NULL,
	`cost_nanos` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `outcomes_by_arm` ON `outcomes` (`arm`,`opened_at`);--> statement-breakpoint
CREATE TABLE `owner_spend` (
	`owner` text NOT NULL,
	`month` text NOT NULL,
	`spent_nanos` integer NOT NULL,
	PRIMARY KEY(`owner`, `month`)
);
--> statement-breakpoint
CREATE INDEX `owner_spend_by_month` ON `owner_spend` (`month`);--> statement-breakpoint
CREATE TABLE `saved_answers` (
	`key` text PRIMARY KEY NOT NULL,
	`fingerprint` text NOT NULL,
	`token` text NOT NULL,
	`alive_until` integer NOT NULL,
	`status` integer,
	`headers` text,
	`session_id` text,
	`owed` text,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `saved_answers_by_age` ON `saved_answers` (`created_at`);--> statement-breakpoint
CREATE INDEX `saved_answers_owing` ON `saved_answers` (`key`) WHERE owed IS NOT NULL;--> statement-breakpoint
CREATE INDEX `saved_answers_by_session` ON `saved_answers` (`session_id`);--> statement-breakpoint
CREATE TABLE `session_index` (
	`id` text PRIMARY KEY NOT NULL,
	`owner` text,
	`title` text,
	`metadata` text NOT NULL,
	`mode` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`turns` integer DEFAULT 0 NOT NULL,
	`generation` text DEFAULT 'base' NOT NULL
);
--> statement-breakpoint
CREATE INDEX `session_index_by_time` ON `session_index` (`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `session_index_by_owner` ON `session_index` (`owner`,`created_at`,`id`);--> statement-breakpoint
CREATE TABLE `session_metadata` (
	`session_id` text NOT NULL,
	`key` text NOT NULL,
	`value` text NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`session_id`, `key`)
);
--> statement-breakpoint
CREATE INDEX `session_metadata_by_pair` ON `session_metadata` (`key`,`value`,`created_at`,`session_id`);--> statement-breakpoint
CREATE TABLE `spend` (
	`month` text PRIMARY KEY NOT NULL,
	`spent_nanos` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `stripe_outbox` (
	`event_id` text PRIMARY KEY NOT NULL,
	`customer` text NOT NULL,
	`at` integer NOT NULL,
	`cost_nanos` integer NOT NULL,
	`attempts` integer DEFAULT 0 NOT NULL,
	`due_at` integer NOT NULL,
	`failure` text
);
--> statement-breakpoint
CREATE INDEX `stripe_outbox_by_due` ON `stripe_outbox` (`due_at`);--> statement-breakpoint
CREATE TABLE `usage` (
	`day` text NOT NULL,
	`session_id` text NOT NULL,
	`key_id` text NOT NULL,
	`owner` text NOT NULL,
	`segment` integer NOT NULL,
	`replies` integer NOT NULL,
	`prompt_tokens` integer NOT NULL,
	`cached_tokens` integer NOT NULL,
	`completion_tokens` integer NOT NULL,
	`adaptations_accepted` integer NOT NULL,
	`adaptations_rejected` integer NOT NULL,
	`rewriter_calls` integer NOT NULL,
	`gpu_ms` integer NOT NULL,
	`cost_nanos` integer NOT NULL,
	PRIMARY KEY(`day`, `session_id`, `key_id`, `owner`, `segment`)
);
--> statement-breakpoint
CREATE INDEX `usage_by_session` ON `usage` (`session_id`,`day`);--> statement-breakpoint
CREATE INDEX `usage_by_key` ON `usage` (`key_id`,`day`);--> statement-breakpoint
CREATE INDEX `usage_by_owner` ON `usage` (`owner`,`day`);--> statement-breakpoint
CREATE TABLE `webhooks` (
	`id` text PRIMARY KEY NOT NULL,
	`url` text NOT NULL,
	`events` text NOT NULL,
	`secret` text NOT NULL,
	`old_secret` text,
	`old_until` integer,
	`created_at` integer NOT NULL,
	`disabled_at` integer,
	`delivered_at` integer,
	`failure` text
);
--> statement-breakpoint
CREATE INDEX `webhooks_told` ON `webhooks` (`disabled_at`);