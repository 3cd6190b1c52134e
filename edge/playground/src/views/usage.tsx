/** What was used and what it cost, the spend cap, and the keys. */
import { useEffect, useState } from "preact/hooks";
import { type Budget, Rosa2Error, type UsageReport } from "rosa2";
import { formatCount, formatMonth, formatUsd } from "../format.ts";
import { Choice } from "../parts/choice.tsx";
import { client } from "../state/account.ts";
import { explain, report } from "../state/failure.ts";
import { hrefOf } from "../state/route.ts";
import { Chart, type Measure, measures } from "./chart.tsx";
import { KeysView } from "./keys.tsx";

type Group = UsageReport["group_by"];

const groups: readonly { value: Group; text: string }[] = [
  { value: "day", text: "Day" },
  { value: "session", text: "Session" },
  { value: "key", text: "Key" },
  { value: "owner", text: "Owner" },
];

export function UsageView() {
  const [usage, setUsage] = useState<UsageReport | null>(null);
  const [group, setGroup] = useState<Group>("day");
  const [days, setDays] = useState<UsageReport["data"] | null>(null);
  const [measure, setMeasure] = useState<Measure>("tokens");
  const [denied, setDenied] = useState<string | null>(null);
  const names = useNames(group);
  useEffect(() => {
    client.value
      .usage({ group_by: group, limit: 200 })
      .then((answer) => {
        setUsage(answer);
        if (group === "day") setDays(answer.data);
      })
      .catch((error: unknown) => {
        if (error instanceof Rosa2Error && error.status === 403) setDenied(explain(error));
        else report(error);
      });
  }, [group]);
  if (denied !== null) {
    return (
      <main id="main" class="usage" tabIndex={-1}>
        <h1>Usage</h1>
        <p class="error">{denied} Usage, budget and keys need the scope “admin”.</p>
      </main>
    );
  }
  return (
    <main id="main" class="usage" tabIndex={-1} aria-busy={usage === null}>
      <h1>Usage</h1>
      <Totals days={days} />
      <section aria-labelledby="by-day">
        <div class="section-head">
          <h2 id="by-day">By day</h2>
          <Choice
            label="Measure"
            name="measure"
            options={measures}
            value={measure}
            onChange={setMeasure}
          />
        </div>
        <Chart days={days} measure={measure} />
      </section>
      <BudgetView />
      <section aria-labelledby="details">
        <div class="section-head">
          <h2 id="details">In figures</h2>
          <Choice
            label="Group by"
            name="group"
            options={groups}
            value={group}
            onChange={setGroup}
          />
        </div>
        {usage === null ? (
          <p class="note">Reading …</p>
        ) : (
          <UsageTable usage={usage} names={names} />
        )}
      </section>
      <KeysView />
    </main>
  );
}

type Day = UsageReport["data"][number];

/** `days` is null while they are being read. */
function Totals({ days }: { days: Day[] | null }) {
  const sum = (of: (day: Day) => number, format = formatCount) =>
    days === null ? "–" : format(days.reduce((total, day) => total + of(day), 0));
  return (
    <dl class="tiles">
      <div>
        <dt>Tokens</dt>
        <dd>{sum((day) => day.prompt_tokens + day.completion_tokens)}</dd>
      </div>
      <div>
        <dt>Replies</dt>
        <dd>{sum((day) => day.replies)}</dd>
      </div>
      <div>
        <dt>Adaptations</dt>
        <dd>{sum((day) => day.adaptations_accepted)}</dd>
      </div>
      <div>
        <dt>Cost</dt>
        <dd>{sum((day) => day.cost.usd, formatUsd)}</dd>
      </div>
    </dl>
  );
}

/** Display names for the rows of a group, by id; null while they are being read. */
function useNames(group: Group): ReadonlyMap<string, string> | null {
  const [names, setNames] = useState<{ group: Group; of: Map<string, string> } | null>(null);
  useEffect(() => {
    const read = async () => {
      const of = new Map<string, string>();
      if (group === "session") {
        for await (const { id, title } of client.value.sessions({ limit: 100 })) {
          of.set(id, title ?? "Untitled");
        }
      }
      if (group === "key") {
        for await (const { id, name } of client.value.keys()) of.set(id, name);
      }
      setNames({ group, of });
    };
    read().catch(report);
  }, [group]);
  return names?.group === group ? names.of : null;
}

/** The id is shown when the pointer is on a name, because logs hold only ids. */
function NameOf({ group, id, name }: { group: Group; id: string | null; name: string | null }) {
  if (id === null) return <>{group === "owner" ? "No owner" : "None"}</>;
  if (group === "session") {
    if (name === null) return <span title={id}>Erased session</span>;
    return (
      <a href={hrefOf({ page: "session", id })} title={id}>
        {name}
      </a>
    );
  }
  return <span title={id}>{name ?? id}</span>;
}

function UsageTable({
  usage,
  names,
}: {
  usage: UsageReport;
  names: ReadonlyMap<string, string> | null;
}) {
  if (names === null) return <p class="note">Reading …</p>;
  if (usage.data.length === 0) return <p class="note">Nothing has been used yet.</p>;
  return (
    <section
      class="table-box"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
      tabIndex={0}
      aria-label="Usage table"
    >
      <table>
        <thead>
          <tr>
            <th scope="col">{groups.find(({ value }) => value === usage.group_by)?.text}</th>
            <th scope="col">Prompt</th>
            <th scope="col">Cached</th>
            <th scope="col">Completion</th>
            <th scope="col">Replies</th>
            <th scope="col">Adapted</th>
            <th scope="col">Rejected</th>
            <th scope="col">Cost</th>
          </tr>
        </thead>
        <tbody>
          {usage.data.map((row) => (
            <tr key={row.group ?? "none"}>
              <th scope="row">
                <NameOf
                  group={usage.group_by}
                  id={row.group}
                  name={names.get(row.group ?? "") ?? null}
                />
              </th>
              <td>{formatCount(row.prompt_tokens)}</td>
              <td>{formatCount(row.cached_tokens)}</td>
              <td>{formatCount(row.completion_tokens)}</td>
              <td>{formatCount(row.replies)}</td>
              <td>{formatCount(row.adaptations_accepted)}</td>
              <td>{formatCount(row.adaptations_rejected)}</td>
              <td>{formatUsd(row.cost.usd)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function BudgetView() {
  const [budget, setBudget] = useState<Budget | null>(null);
  const [saved, setSaved] = useState(false);
  useEffect(() => {
    client.value.budget().then(setBudget).catch(report);
  }, []);
  if (budget === null) return null;
  const { cap_usd: cap, spent_usd: spent, reserved_usd: reserved } = budget;
  const save = async (event: SubmitEvent) => {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget as HTMLFormElement).get("cap")).trim();
    try {
      setBudget(await client.value.setBudget(text === "" ? null : Number(text)));
      setSaved(true);
    } catch (error) {
      report(error);
    }
  };
  return (
    <section aria-labelledby="budget">
      <h2 id="budget">Budget for {formatMonth(budget.month)}</h2>
      <p>
        {formatUsd(spent)} spent{cap !== null && <> of {formatUsd(cap)}</>}
        {reserved > 0 && <>, {formatUsd(reserved)} reserved</>}
        {cap === null && <span class="note"> · no cap: set one to stop spending there</span>}
      </p>
      {cap !== null && (
        <meter
          aria-label="Spent"
          min={0}
          max={Math.max(cap, spent + reserved)}
          low={cap * 0.8}
          high={cap}
          optimum={0}
          value={spent + reserved}
        >
          {formatUsd(spent)}
        </meter>
      )}
      <form class="field-row" onSubmit={save}>
        <label class="hidden" for="cap">
          Monthly cap in US dollars; empty lifts it
        </label>
        <input
          id="cap"
          name="cap"
          type="number"
          inputMode="decimal"
          min="0"
          step="any"
          placeholder="No cap, US$"
          defaultValue={cap === null ? "" : String(cap)}
          onInput={() => setSaved(false)}
        />
        <button type="submit">Set the cap</button>
        <span role="status" class="note">
          {saved ? "Saved." : ""}
        </span>
      </form>
    </section>
  );
}
