import { type Cell, Dictionary } from "@ton/core";
import { z } from "zod";
import { DevnetError } from "../../fault.ts";
import { type Method, method } from "../method.ts";
import { zWhole } from "../schema.ts";
import type { Json } from "./shapes.ts";

const PARAMETER_MAX = 2 ** 31 - 1;

export const CONFIG_METHODS: Readonly<Record<string, Method>> = {
  getConfigParam: method(
    z.object({
      config_id: zWhole(-PARAMETER_MAX, PARAMETER_MAX).optional(),
      param: zWhole(0, PARAMETER_MAX).optional(),
    }),
    (chain, { config_id, param }) => {
      const parameter = config_id ?? param ?? 0;
      const parameters = Dictionary.loadDirect(
        Dictionary.Keys.Int(32),
        Dictionary.Values.Cell(),
        chain.engine.config,
      );
      const cell = parameters.get(parameter);
      if (cell === undefined) throw new DevnetError({ code: "PARAMETER_UNKNOWN", parameter });
      return configInfo(cell);
    },
  ),
  getConfigAll: method(z.object({}), (chain) => configInfo(chain.engine.config)),
  getLibraries: method(z.object({}), () => ({ "@type": "smc.libraryResult", result: [] })),
};

function configInfo(cell: Cell): Json {
  return { "@type": "configInfo", config: { "@type": "tvm.cell", bytes: cell.toBoc().toString("base64") } };
}
