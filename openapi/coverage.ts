/** `npm run coverage`: how many of MLflow's RPCs are written, by service, and which are not, and why. */
import { absent } from '../src/absent.ts';
import { absentRoutes } from '../src/absent-by-hand.ts';
import { rpcs } from '../src/generated/rpcs.ts';

for (const [service, methods] of Map.groupBy(Object.entries(rpcs), ([, facts]) => facts.service)) {
  const missing = methods.map(([rpc]) => rpc).filter((rpc): rpc is keyof typeof absent => rpc in absent);
  console.log(`${service}: ${methods.length - missing.length} of ${methods.length}`);
  for (const rpc of missing) console.log(`  absent: ${rpc} (${whyAbsent(absent[rpc])})`);
}
console.log('Addresses that stand in no descriptor:');
for (const route of absentRoutes)
  for (const address of route.routes) console.log(`  absent: ${address} (${whyAbsent(route)})`);

/** Those that the web UI reads are absent all the same. */
function whyAbsent({ reason, answer }: { readonly reason: string; readonly answer?: unknown }): string {
  return answer ? `${reason}; it reads as unused` : reason;
}
