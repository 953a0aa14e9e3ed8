// Runs as a worker thread: the one that writes to the file of the server by hand.
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { type NewArtifact, openTables, type WriterAnswer, type WriterQuestion } from './hand-written-store.ts';

const port = parentPort;
if (port === null) throw new Error('This module runs as a worker thread');
const file: string = workerData;
const database = openTables(file);
const insert =
  database.prepare(`INSERT INTO artifacts (namespace, name, version, variant, "order", prerelease, hex, size, media_type, document)
  VALUES (@namespace, @name, @version, @variant, @order, @prerelease, @hex, @size, @media_type, @document) ON CONFLICT DO NOTHING`);
const insertPackage = database.prepare('INSERT INTO packages VALUES (@namespace, @name, @at) ON CONFLICT DO NOTHING');
const insertEvent = database.prepare(`INSERT INTO events (type, at, payload) VALUES ('published', @at, @document)`);

const publishAll = database.transaction(
  (artifacts: readonly NewArtifact[]): WriterAnswer =>
    artifacts.map((artifact) => {
      if (insert.run(artifact).changes === 0) return false;
      insertPackage.run(artifact);
      insertEvent.run(artifact);
      return true;
    }),
);

port.on('message', (first: WriterQuestion) => {
  const artifacts: NewArtifact[] = [];
  let isClosing = false;
  // What arrived while the last transaction was made is taken together.
  for (let question: WriterQuestion | undefined = first; question !== undefined; question = next()) {
    if (question === 'close') isClosing = true;
    else artifacts.push(question);
  }
  // Answered after the transaction, when it is durable.
  if (artifacts.length > 0) port.postMessage(publishAll.immediate(artifacts));
  if (!isClosing) return;
  database.close();
  port.close();
});

function next(): WriterQuestion | undefined {
  return port === null ? undefined : receiveMessageOnPort(port)?.message;
}
