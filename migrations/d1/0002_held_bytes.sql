ALTER TABLE `adapter_refs` ADD `counted` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `idempotency` ADD `session_id` text;--> statement-breakpoint
CREATE INDEX `idempotency_by_session` ON `idempotency` (`tenant_id`,`session_id`);--> statement-breakpoint
ALTER TABLE `tenants` ADD `adapter_bytes` integer DEFAULT 0 NOT NULL;