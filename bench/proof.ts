import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { version } from '../src/version.ts';

/**
 * `npm run proof`: what takes too long for every change. The chaos tests ten times and the property tests with
 * many more sequences; the last table is kept in docs/proof.md. `--quick`: twice, to see that it works.
 */
const quick = process.argv.includes('--quick');
const RUNS = quick ? '2' : '10';
const BUDGET_MS = quick ? '5000' : '120000';

interface Part {
  readonly name: string;
  readonly files: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const parts: readonly Part[] = [
  {
    name: `the primary is killed under 16 writers and 16 readers, ${RUNS} times`,
    files: ['test/chaos/*.test.ts'],
    env: { POINTSMAN_RUNS: RUNS },
  },
  {
    name: `sessions in random interleaving beside direct ones, for ${Number(BUDGET_MS) / 1_000} s`,
    files: ['test/integration/sessions/property.test.ts'],
    env: { POINTSMAN_BUDGET_MS: BUDGET_MS },
  },
  {
    name: `sessions on few lanes beside direct ones, for ${Number(BUDGET_MS) / 1_000} s`,
    files: ['test/integration/lanes/random.test.ts'],
    env: { POINTSMAN_BUDGET_MS: BUDGET_MS },
  },
];

interface Result {
  readonly passed: boolean;
  readonly lines: readonly string[];
}

function run({ files, env }: Part): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--test', '--test-concurrency=1', ...files], {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      process.stdout.write(chunk);
    });
    child.on('error', reject);
    child.on('exit', (code) => {
      const lines = output
        .split('\n')
        .filter((line) => /^ {2}run \d+: |^ℹ (tests|pass|fail|skipped) /.test(line));
      resolve({ passed: code === 0, lines });
    });
  });
}

const page = [
  '# Proof',
  '',
  `The last \`npm run proof\`: version ${version}, Node.js ${process.version}, ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}).`,
  '',
];
let passed = true;
for (const part of parts) {
  const result = await run(part);
  passed &&= result.passed;
  page.push(`## ${part.name}`, '', result.passed ? 'Passed.' : '**Failed.**', '', '```');
  page.push(...result.lines.map((line) => line.trim()), '```', '');
}
await mkdir('docs', { recursive: true });
if (!quick) await writeFile('docs/proof.md', page.join('\n'));
process.exit(passed ? 0 : 1);
