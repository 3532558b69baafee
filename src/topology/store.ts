import { emptyView, type View } from '../core/view.ts';

/** Takes a view; must not throw. */
export type ViewListener = (view: View) => void;

/** Keeps the newest view, numbers views, and tells who wants to know. */
export interface ViewStore {
  readonly view: View;
  /** Gives the view its version and tells all listeners; true if more than positions and times changed. */
  publish(next: Omit<View, 'version'>): boolean;
  /** Calls at once with the present view and then with each new one; the result ends that. */
  onView(listener: ViewListener): () => void;
}

export function createStore(): ViewStore {
  let view = emptyView;
  const listeners = new Set<ViewListener>();
  return {
    get view() {
      return view;
    },
    publish(next) {
      const news = differs(view, next);
      view = { ...next, version: view.version + 1 };
      for (const listener of [...listeners]) listener(view);
      return news;
    },
    onView(listener) {
      listeners.add(listener);
      listener(view);
      return () => listeners.delete(listener);
    },
  };
}

/** Whether an operator would want to know: role, state, links or primary, not a position that moved. */
function differs(before: View, next: Omit<View, 'version'>): boolean {
  if (before.epoch !== next.epoch || before.primary !== next.primary) return true;
  if (before.holding !== next.holding || before.nodes.length !== next.nodes.length) return true;
  return next.nodes.some((node, index) => {
    const old = before.nodes[index];
    return (
      old === undefined ||
      old.id !== node.id ||
      old.role !== node.role ||
      old.state !== node.state ||
      old.links !== node.links ||
      old.branch !== node.branch ||
      old.version !== node.version
    );
  });
}
