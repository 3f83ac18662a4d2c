// What the kernel says of a process.
import { readFileSync, readdirSync } from 'node:fs';

// Its CPU time so far, of all its threads, in microseconds. (schedstat: nanoseconds, not clock ticks.)
export function cpuUs(pid) {
  let ns = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) ns += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
  return ns / 1000;
}

export const memoryBytes = (pid) => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;
export const descriptors = (pid) => readdirSync(`/proc/${pid}/fd`).length;

export const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
