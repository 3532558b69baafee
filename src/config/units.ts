const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/;
const DURATION_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const SIZE = /^(\d+(?:\.\d+)?)(B|kB|MB|GB|KiB|MiB|GiB)$/;
const SIZE_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

/** `500ms`, `10s`, `5m`, `1.5h` → whole milliseconds; undefined for anything else. */
export function durationMs(text: string): number | undefined {
  return scaled(DURATION.exec(text), DURATION_MS);
}

/** `512B`, `64kB`, `16MiB` → whole bytes; undefined for anything else. kB is 1000 bytes, KiB 1024. */
export function sizeBytes(text: string): number | undefined {
  return scaled(SIZE.exec(text), SIZE_BYTES);
}

function scaled(
  match: RegExpExecArray | null,
  factors: Readonly<Record<string, number>>,
): number | undefined {
  const factor = factors[match?.[2] ?? ''];
  return factor === undefined ? undefined : Math.round(Number(match?.[1]) * factor);
}
