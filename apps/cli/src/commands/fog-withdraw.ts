/** `pingo fog withdraw`: a certificate revoked by the quorum that issued it. */
import { Command } from "commander";
import type { Run } from "../cli.ts";
import type { Context } from "../context.ts";
import { parseAddress } from "../local/parse-address.ts";
import { moment } from "../local/vote-error.ts";
import { signWithdrawal, withdrawCertificate } from "../local/withdraw.ts";
import { optionsOf } from "../options.ts";
import { parseSignatures, signatureText } from "../view/signatures.ts";

const HELP = `
Signed with the key of this home's fog node; where the quorum wants more signatures, other members make theirs with --sign within the day, and one of them, or anyone
with a wallet, sends all. The door closes at once; fog nodes that asked the chain a moment ago notice within a minute. Work that counts later earns a certificate anew.

Examples:
  pingo fog withdraw UQ…                       where this home's signature is enough
  pingo fog withdraw UQ… --sign                prints this home's signature
  pingo fog withdraw UQ… --signature 1:9f…,2:07…`;

export function fogWithdrawCommand(run: Run): Command {
  return new Command("withdraw")
    .description("revoke a certificate before its time")
    .argument("<owner>", "the address of its owner")
    .option("--sign", "print this home's signature, and send nothing")
    .option("--signature <list>", "of other members: PLACE:HEX, with commas between")
    .addHelpText("after", HELP)
    .action(run(withdraw));
}

async function withdraw(context: Context, command: Command): Promise<void> {
  const { screen } = context;
  const options = optionsOf(command);
  const owner = await parseAddress("<owner>", command.args[0] ?? "");
  if (options.flag("sign")) {
    const signature = signatureText(await signWithdrawal(context, owner));
    screen.json({ owner, signature });
    screen.line(signature);
    return;
  }
  const others = parseSignatures(options.text("signature") ?? "");
  const { revokedAtUnixS } = await withdrawCertificate(context, owner, others);
  screen.json({ owner, revokedAtUnixS });
  screen.line(`the certificate of ${owner} is revoked as of ${moment(revokedAtUnixS)}`);
}
