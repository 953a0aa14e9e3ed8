import { renderFindings } from '../definition/render-findings.ts';
import type { Definition } from '../definition/types.ts';
import type { Vocabulary } from '../definition/vocabulary.ts';
import { renderOperations } from './render-operations.ts';
import { renderRoutes } from './render-routes.ts';

/** A page of the reference, by the name of its file. */
export interface ReferencePage {
  readonly name: string;
  readonly text: string;
}

/** The pages that are rendered from the vocabulary, the rules of the checker and a definition. The same input gives the same bytes. */
export function referencePages(definition: Definition, vocabulary: Vocabulary): readonly ReferencePage[] {
  return [
    { name: 'operations.md', text: renderOperations(vocabulary) },
    { name: 'findings.md', text: renderFindings() },
    { name: 'routes.md', text: renderRoutes(definition, vocabulary) },
  ];
}
