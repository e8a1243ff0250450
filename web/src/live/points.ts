// The points of one run in three grains, as the server makes them: each bounded, keyed by claim and
// number, so that one that comes twice is one. No percentile is made of percentiles. Pure.
import type { Live, Point } from "./api";

const kMost: Record<number, number> = { 1: 3600, 10: 3600, 60: 10080 };

export class Points {
  private grains = new Map<number, Point[]>([[1, []], [10, []], [60, []]]);

  constructor(live?: Live) {
    for (const point of [...(live?.points ?? []), ...(live?.points_10 ?? []), ...(live?.points_60 ?? [])]) this.add(point);
  }

  /** False: it was there. */
  add(point: Point): boolean {
    const all = this.grains.get(point.every_s);
    if (!all) return false;
    let at = all.length;
    while (at > 0 && all[at - 1].t > point.t) at--;
    for (let i = at - 1; i >= 0 && all[i].t === point.t; i--) if (all[i].claim === point.claim && all[i].n === point.n) return false;
    all.splice(at, 0, point);
    if (all.length > kMost[point.every_s]) all.shift();
    return true;
  }

  /** The finest grain that reaches back as far as the coarsest does, and its seconds. */
  best(): { every: number; points: Point[] } {
    const first = Math.min(...[...this.grains.values()].filter((all) => all.length).map((all) => all[0].t - all[0].every_s));
    for (const [every, points] of this.grains) {
      if (points.length && points[0].t - every <= first + 60) return { every, points };
    }
    return { every: 1, points: this.grains.get(1)! };
  }
}

/** Columns for charts: seconds since `origin` by the server's stamps, with a gap where points are missing. */
export function columns(points: Point[], every: number, origin: number, of: ((point: Point) => number | null | undefined)[]) {
  const x: number[] = [];
  const values: (number | null)[][] = of.map(() => []);
  points.forEach((point, i) => {
    const before = points[i - 1];
    if (before && point.t - before.t > 2.5 * every) {
      x.push(before.t + every - origin);
      values.forEach((each) => each.push(null));
    }
    x.push(point.t - origin);
    of.forEach((read, k) => values[k].push(read(point) ?? null));
  });
  return { x, values };
}
