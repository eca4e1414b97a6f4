/** What the generator does not understand stops it, with the place: a description that guesses would be worse than none. */
export function stop(node, what) {
  const source = node.getSourceFile();
  const { line, character } = source.getLineAndCharacterOfPosition(node.getStart());
  throw new Error(`${source.fileName}:${line + 1}:${character + 1}: ${what}: ${node.getText().slice(0, 200)}`);
}
