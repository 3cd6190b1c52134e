/** API keys: make one (shown once), list, revoke. */
import { useEffect, useState } from "preact/hooks";
import type { ApiKey, ApiKeyCreated } from "rosa2";
import { formatDay } from "../format.ts";
import { Icon } from "../parts/icon.tsx";
import { client, key as ownKey } from "../state/account.ts";
import { report } from "../state/failure.ts";

const scopes = ["chat", "adapt", "mint", "admin"] as const;

export function KeysView() {
  const [keys, setKeys] = useState<ApiKey[]>([]);
  const [made, setMade] = useState<ApiKeyCreated | null>(null);
  const [copied, setCopied] = useState(false);
  const isOwn = ({ prefix }: ApiKey) => ownKey.value?.startsWith(prefix) === true;
  const load = async () => {
    try {
      const all: ApiKey[] = [];
      for await (const one of client.value.keys()) all.push(one);
      setKeys(all);
    } catch (error) {
      report(error);
    }
  };
  useEffect(() => void load(), []);
  const make = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const fields = new FormData(form);
    try {
      const wanted = scopes.filter((scope) => fields.get(scope) !== null);
      setCopied(false);
      setMade(await client.value.createKey({ name: String(fields.get("name")), scopes: wanted }));
      form.reset();
      await load();
    } catch (error) {
      report(error);
    }
  };
  const revoke = async (one: ApiKey) => {
    const whom = isOwn(one) ? "You are signed in with it and will be" : "Whoever uses it is";
    if (!confirm(`Revoke “${one.name}”? ${whom} locked out within a minute.`)) return;
    try {
      await client.value.revokeKey(one.id);
      await load();
    } catch (error) {
      report(error);
    }
  };
  return (
    <section aria-labelledby="keys">
      <h2 id="keys">API keys</h2>
      <ul class="keys">
        {keys.map((one) => (
          <li key={one.id} data-revoked={one.revoked_at !== null}>
            <span>
              <b>{one.name}</b> <code>{one.prefix}…</code>
              <small>
                {one.scopes.join(", ")} · since {formatDay(one.created_at)}
                {isOwn(one) && " · signed in with it"}
                {one.revoked_at !== null && " · revoked"}
              </small>
            </span>
            {one.revoked_at === null && (
              <button type="button" onClick={() => revoke(one)}>
                Revoke<span class="hidden"> {one.name}</span>
              </button>
            )}
          </li>
        ))}
      </ul>
      {made !== null && (
        <div class="made-key" role="status">
          <p>
            The key “{made.name}”, shown this once: <code>{made.key}</code>
          </p>
          <button
            type="button"
            onClick={() =>
              navigator.clipboard.writeText(made.key).then(() => setCopied(true), report)
            }
          >
            {copied ? "Copied" : "Copy"}
          </button>
        </div>
      )}
      <form class="key-form" onSubmit={make}>
        <label>
          Name of a new key
          <input name="name" required maxLength={100} placeholder="Phone app" />
        </label>
        <fieldset>
          <legend>It may</legend>
          {scopes.map((scope) => (
            <label key={scope}>
              <input type="checkbox" name={scope} defaultChecked={scope !== "admin"} /> {scope}
            </label>
          ))}
        </fieldset>
        <button type="submit">
          <Icon name="plus" /> Make a key
        </button>
      </form>
    </section>
  );
}
