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
--> statement-breakpoint
CREATE TABLE `settled` (
	`event_id` text PRIMARY KEY NOT NULL,
	`at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `settled_by_age` ON `settled` (`at`);