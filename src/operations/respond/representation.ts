import type { Built, OperationHandler, ResponseDraft, Run } from '../../engine/contract.ts';
import { RegistryError } from '../../errors/registry-error.ts';
import { writeJson } from '../../language/json.ts';
import { whenReady } from '../../shared/maybe-promise.ts';
import { asObject } from '../arguments.ts';

/** How often a representation is built anew because its record changed meanwhile. */
const MAX_BUILDS = 4;

/** See `operations/respond/representation.json`. The build sees nobody's request but for its address, so that its answer is for all who ask there. */
export const respondRepresentation: OperationHandler = {
  op: 'respond.representation',
  compile(step) {
    const document = step.document('doc');
    const key = step.key('key', document);
    const call = step.call('build');
    const given = step.value('with');
    const name = String(step.literal('build'));

    const draftOf = async (run: Run, inputs: readonly unknown[]): Promise<ResponseDraft> => {
      const result = await call.run(run, inputs);
      if (result === undefined || 'outputs' in result) {
        throw new RegistryError('INTERNAL', { message: `The pipeline ${name} ended without a response` });
      }
      return result;
    };

    /** The record is read again after the build: what is built while it changes may show a part of the change. */
    const build = async (
      asking: Run,
      recordKey: string,
      version: number,
      inputs: readonly unknown[],
    ): Promise<Built> => {
      const { session, principal, end } = asking.session.detached();
      const run: Run = { ...asking, principal, session };
      try {
        let before: number | null = version;
        for (let round = 1; ; round++) {
          const draft = await draftOf(run, inputs);
          const after: number | null = (await session.records.get(document, recordKey, true))?.version ?? null;
          if (after === before) return { version: after, draft };
          if (after === null || round === MAX_BUILDS) return { version: null, draft };
          before = after;
        }
      } finally {
        end();
      }
    };

    return (run) => {
      const { session } = run;
      const recordKey = key(run);
      return whenReady(session.records.get(document, recordKey), (record) => {
        if (record === null) return undefined;
        const values = asObject(given(run), 'with');
        const inputs = call.inputs.map((input) =>
          values !== null && Object.hasOwn(values, input) ? values[input] : null,
        );
        const id = `${name}\n${run.request.base_url}\n${recordKey}\n${writeJson(inputs)}`;
        return session.representations.answer(id, record.version, () => build(run, recordKey, record.version, inputs));
      });
    };
  },
};
