CREATE TABLE `active` (
	`generation` text PRIMARY KEY NOT NULL,
	`trusted` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `events` (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`turn_id` text NOT NULL,
	`type` text NOT NULL,
	`feedback_id` text,
	`data` text NOT NULL,
	`at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `events_by_turn` ON `events` (`turn_id`,`seq`);--> statement-breakpoint
CREATE TABLE `feedback` (
	`id` text PRIMARY KEY NOT NULL,
	`turn_id` text NOT NULL,
	`body` text NOT NULL,
	`body_hash` text NOT NULL,
	`key_id` text NOT NULL,
	`step` text NOT NULL,
	`words` text,
	`weights` text,
	`plan` text,
	`cost_nanos` integer DEFAULT 0 NOT NULL,
	`rolled_back` text,
	`retry_turn_id` text,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `feedback_by_turn` ON `feedback` (`turn_id`);--> statement-breakpoint
CREATE TABLE `generations` (
	`id` text PRIMARY KEY NOT NULL,
	`idx` integer NOT NULL,
	`feedback_id` text,
	`parent` text NOT NULL,
	`digest` text NOT NULL,
	`bytes` integer NOT NULL,
	`plan` text NOT NULL,
	`report` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `generations_idx_unique` ON `generations` (`idx`);--> statement-breakpoint
CREATE UNIQUE INDEX `generations_feedback_id_unique` ON `generations` (`feedback_id`);--> statement-breakpoint
CREATE TABLE `idempotency` (
	`key` text PRIMARY KEY NOT NULL,
	`fingerprint` text NOT NULL,
	`ref` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `outbox` (
	`id` text PRIMARY KEY NOT NULL,
	`kind` text NOT NULL,
	`payload` text NOT NULL,
	`attempts` integer DEFAULT 0 NOT NULL,
	`due_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `replay` (
	`problem_id` text PRIMARY KEY NOT NULL,
	`messages` text NOT NULL,
	`reply` text NOT NULL,
	`kind` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `revisions` (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`id` text NOT NULL,
	`patch` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `revisions_id_unique` ON `revisions` (`id`);--> statement-breakpoint
CREATE TABLE `session` (
	`id` text PRIMARY KEY NOT NULL,
	`tenant_id` text NOT NULL,
	`owner` text,
	`region` text,
	`title` text,
	`metadata` text NOT NULL,
	`instructions` text,
	`mode` text NOT NULL,
	`context` text NOT NULL,
	`rewriter` text,
	`reasoning_effort` text,
	`lexicon` text,
	`forked_from` text,
	`arm` text,
	`roll_back_after` integer,
	`created_at` integer NOT NULL,
	`expires_at` integer
);
--> statement-breakpoint
CREATE TABLE `turns` (
	`id` text PRIMARY KEY NOT NULL,
	`idx` integer NOT NULL,
	`problem_id` text NOT NULL,
	`attempt` integer NOT NULL,
	`retry_of` text,
	`content` text NOT NULL,
	`prompt` text NOT NULL,
	`messages` text NOT NULL,
	`sampling` text NOT NULL,
	`rejected` text NOT NULL,
	`status` text NOT NULL,
	`reply` text DEFAULT '' NOT NULL,
	`finish_reason` text,
	`repeats_rejected` integer DEFAULT false NOT NULL,
	`logprob` real,
	`usage` text,
	`generation` text NOT NULL,
	`key_id` text NOT NULL,
	`cost_nanos` integer DEFAULT 0 NOT NULL,
	`error` text,
	`runs` integer DEFAULT 0 NOT NULL,
	`created_at` integer NOT NULL,
	`finished_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `turns_idx_unique` ON `turns` (`idx`);--> statement-breakpoint
CREATE INDEX `turns_by_problem` ON `turns` (`problem_id`);--> statement-breakpoint
CREATE TABLE `words` (
	`id` integer PRIMARY KEY NOT NULL,
	`state` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `holds` (
	`event_id` text PRIMARY KEY NOT NULL,
	`amount_nanos` integer NOT NULL,
	`at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `lease` (
	`id` integer PRIMARY KEY NOT NULL,
	`round` integer NOT NULL,
	`granted_nanos` integer NOT NULL,
	`drawn_nanos` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`is_capped` integer NOT NULL,
	`owner_cap_nanos` integer
);
--> statement-breakpoint
CREATE TABLE `metered` (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`event` text NOT NULL
);
