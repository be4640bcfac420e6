/** `npm run coverage`: how many of MLflow's RPCs are written, by service, and which are not. */
import { absent } from '../src/absent.ts';
import { rpcs } from '../src/generated/rpcs.ts';

for (const [service, methods] of Map.groupBy(Object.entries(rpcs), ([, facts]) => facts.service)) {
  const missing = methods.map(([rpc]) => rpc).filter((rpc) => Object.hasOwn(absent, rpc));
  console.log(`${service}: ${methods.length - missing.length} of ${methods.length}`);
  for (const rpc of missing) console.log(`  absent: ${rpc}`);
}
