/** A component that renders again only when one of its properties has changed. It knows no view. */
import { Component, type ComponentChild, type FunctionComponent, h } from "preact";

/** Two lists are equal when they hold the same items. */
export function memo<P extends object>(View: FunctionComponent<P>) {
  return class Memo extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>): boolean {
      return !isSame(this.props, next);
    }
    override render(): ComponentChild {
      return h(View as FunctionComponent<object>, this.props);
    }
  };
}

function isSame(a: Readonly<object>, b: Readonly<object>): boolean {
  const [before, now] = [Object.entries(a), new Map(Object.entries(b))];
  return (
    before.length === now.size &&
    before.every(([name, value]) => {
      const other = now.get(name);
      return Array.isArray(value) && Array.isArray(other)
        ? value.length === other.length && value.every((item, at) => item === other[at])
        : value === other;
    })
  );
}
