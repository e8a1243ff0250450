// Numbers as people read them. Pure functions.
import type { Figure, Figures } from "./result";

function digits(value: number): string {
  const size = Math.abs(value);
  if (size >= 99.95) return value.toFixed(0);
  if (size >= 9.995) return value.toFixed(1);
  return value.toFixed(2);
}

const two = (n: number) => String(n).padStart(2, "0");

/** "12.3 ms" of seconds. */
export function seconds(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size === 0) return "0 s";
  if (size < 1e-6) return `${Math.round(value * 1e9)} ns`;
  if (size < 999.5e-6) return `${digits(value * 1e6)} µs`;
  if (size < 0.9995) return `${digits(value * 1e3)} ms`;
  if (size < 59.95) return `${digits(value)} s`;
  const whole = Math.round(value);
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h${two(Math.floor(whole / 60) % 60)}m`;
}

/** "1,234,567". */
export function count(value: number): string {
  return Math.round(value).toString().replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** "12.3 MiB" of bytes. */
export function bytes(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${Math.round(value)} B` : `${value.toFixed(1)} ${units[unit]}`;
}

/** "12.3k" of a plain number. */
export function short(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1e9) return `${digits(value / 1e9)}G`;
  if (size >= 1e6) return `${digits(value / 1e6)}M`;
  if (size >= 1e4) return `${digits(value / 1e3)}k`;
  return Number.isInteger(value) ? String(value) : digits(value);
}

/** "12.3 %" of a share between 0 and 1; what is there never reads as none, nor what isn't as all. */
export function share(part: number, whole: number): string {
  if (whole <= 0) return "–";
  const percent = (100 * part) / whole;
  if (part > 0 && percent < 0.01) return "< 0.01 %";
  if (part < whole && percent > 99.99) return "> 99.99 %";
  return `${Number(digits(percent))} %`;
}

/** A value in its unit: of a threshold, a chart's line. */
export function inUnit(value: number | null, unit: string): string {
  if (value === null) return "no data";
  if (unit === "s") return seconds(value);
  if (unit === "share") return `${digits(value * 100)} %`;
  if (unit === "rps") return `${short(value)}/s`;
  if (unit === "bytes") return bytes(value);
  if (unit === "B/s") return `${bytes(value)}/s`;
  return short(value) + (unit ? ` ${unit}` : "");
}

/** The time within which all were answered, or "≥ 500 ms" where some never were. */
export function figure(of: Figures, name: Figure): string {
  return of[name] !== null && of.at_least.includes(name) ? `≥ ${seconds(of[name])}` : seconds(of[name]);
}

/** The same on an axis, where the zeros of round numbers only take room: "2 s", "1m", "64 MiB". */
export function tick(value: number | null, unit: string): string {
  if (value === null) return "";
  return inUnit(value, unit)
    .replace(/(\.\d*?)0+(?=\D|$)/, "$1").replace(/\.(?=\D|$)/, "")
    .replace(/^(\d+m)00s$/, "$1").replace(/^(\d+h)00m$/, "$1");
}

/** "2026-11-24 16:14:32" of Unix seconds, in the reader's time zone. */
export function moment(unix: number | null): string {
  if (unix === null) return "–";
  const date = new Date(unix * 1000);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
