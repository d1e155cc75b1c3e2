// Evaluates JSONata as Step Functions does. A line of input has { expression, variables }, a line of output has { value }
// or { error }.
//
// Facts from the Step Functions Developer Guide, "Transforming data with JSONata": version 2.0.6; $eval does not exist;
// $partition, $range, $hash, $random with a seed, $uuid and $parse are additions; at the top level of an expression $, $$
// and bare field names have no value; an expression without a value is an error.
import { createHash, randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import jsonata from "jsonata";

const additions = {
  partition: (array, size) =>
    Array.from({ length: Math.ceil(array.length / size) }, (_, part) => array.slice(part * size, (part + 1) * size)),
  range: (first, last, step) => Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, i) => first + i * step),
  hash: (text, algorithm) => createHash(algorithm.replace("SHA-", "sha").toLowerCase()).update(text).digest("hex"),
  random: () => Math.random(),
  uuid: () => randomUUID(),
  parse: (text) => JSON.parse(text),
  eval: () => {
    throw new Error("Step Functions has no $eval");
  },
};
const compiled = new Map();

function compile(expression) {
  if (!compiled.has(expression)) {
    const program = jsonata(expression);
    for (const [name, addition] of Object.entries(additions)) program.registerFunction(name, addition);
    compiled.set(expression, program);
  }
  return compiled.get(expression);
}

async function evaluate({ expression, variables }) {
  try {
    const value = await compile(expression).evaluate(undefined, variables);
    if (value === undefined || typeof value === "function") return { error: "the expression has no value" };
    return { value };
  } catch (error) {
    return { error: error.message };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await evaluate(JSON.parse(line)))}\n`);
}
