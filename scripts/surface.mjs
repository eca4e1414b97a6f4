// Writes src/api/spec/surface.json: the request types of the operations we serve, read from the `openai` npm package.
//
//   npm ci --prefix conformance/js && node scripts/surface.mjs           (--check only compares: `npm test` does)
//
// The form is as small as it can be while a reader still understands it (src/api/spec/load.rs reads it):
//   "string" "number" "boolean" "any" · {"enum":[…]} · {"array":T} · {"map":T} · {"union":[…]} · {"ref":"Name"}
//   {"object":{"name":T,"name?":T}}   `?` marks what may be left out, or null
// Names, enum values and fields stand in the order of the source.
import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

// The conformance suite has the client, and a TypeScript whose types can be asked: the root's is a compiler alone.
const root = fileURLToPath(new URL('../conformance/js/', import.meta.url));
const ts = createRequire(join(root, 'index.js'))('typescript');
const openai = join(root, 'node_modules/openai');

/** Operation → file of the package, type of its body or query. @type {Record<string, [string, string]>} */
const OPERATIONS = {
  'chat.completions.create': ['chat/completions/completions', 'ChatCompletionCreateParamsBase'],
  'chat.completions.update': ['chat/completions/completions', 'ChatCompletionUpdateParams'],
  'chat.completions.list': ['chat/completions/completions', 'ChatCompletionListParams'],
  'chat.completions.messages.list': ['chat/completions/messages', 'MessageListParams'],
  'responses.create': ['responses/responses', 'ResponseCreateParamsBase'],
  'responses.retrieve': ['responses/responses', 'ResponseRetrieveParamsBase'],
  'responses.compact': ['responses/responses', 'ResponseCompactParams'],
  'responses.input_items.list': ['responses/input-items', 'InputItemListParams'],
  'responses.input_tokens.count': ['responses/input-tokens', 'InputTokenCountParams'],
  'completions.create': ['completions', 'CompletionCreateParamsBase'],
  'embeddings.create': ['embeddings', 'EmbeddingCreateParams'],
  'moderations.create': ['moderations', 'ModerationCreateParams'],
  'conversations.create': ['conversations/conversations', 'ConversationCreateParams'],
  'conversations.update': ['conversations/conversations', 'ConversationUpdateParams'],
  'conversations.items.create': ['conversations/items', 'ItemCreateParams'],
  'conversations.items.list': ['conversations/items', 'ItemListParams'],
};

const fileOf = (name) => join(openai, 'resources', `${name}.d.ts`);
const program = ts.createProgram([...new Set(Object.values(OPERATIONS).map(([file]) => fileOf(file)))], {
  skipLibCheck: true, module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext,
});
const checker = program.getTypeChecker();

/** Name → its description; null while it is being made, so that recursion ends. */
const types = {};
const named = new Map();

/** The declaration behind a name, through imports. */
function declaration(node) {
  let symbol = checker.getSymbolAtLocation(node);
  if (symbol && symbol.flags & ts.SymbolFlags.Alias) symbol = checker.getAliasedSymbol(symbol);
  const found = symbol?.declarations?.find((one) => ts.isInterfaceDeclaration(one) || ts.isTypeAliasDeclaration(one));
  if (!found) throw new Error(`no declaration of ${node.getText()}`);
  return { symbol, found };
}

/** A reference to a named type, described once. */
function reference(node) {
  const { symbol, found } = declaration(node);
  if (!named.has(symbol)) {
    const full = checker.getFullyQualifiedName(symbol).replace(/^".*?"\./, '');
    let name = full;
    for (let n = 2; name in types; n += 1) name = `${full}${n}`;
    named.set(symbol, name);
    types[name] = null;
    types[name] = ts.isTypeAliasDeclaration(found) ? describe(found.type) : object(found);
  }
  return { ref: named.get(symbol) };
}

/** Fields of an interface or a type literal, inherited ones first. */
function fields(node, out = {}) {
  for (const clause of node.heritageClauses ?? []) {
    for (const base of clause.types) fields(declaration(base.expression).found, out);
  }
  for (const member of node.members) {
    if (!ts.isPropertySignature(member)) continue;
    const name = member.name.text;
    delete out[name];
    delete out[`${name}?`];
    const optional = member.questionToken || nullable(member.type);
    out[optional ? `${name}?` : name] = describe(member.type);
  }
  return out;
}

function object(node) {
  const index = node.members.find(ts.isIndexSignatureDeclaration);
  const own = fields(node);
  return index && !Object.keys(own).length ? { map: describe(index.type) } : { object: own };
}

const isNull = (node) => ts.isLiteralTypeNode(node) && node.literal.kind === ts.SyntaxKind.NullKeyword;
const nullable = (node) => isNull(node) || (ts.isUnionTypeNode(node) && node.types.some(isNull));

/** A type as written in the source → its description. */
function describe(node) {
  if (ts.isParenthesizedTypeNode(node)) return describe(node.type);
  if (ts.isArrayTypeNode(node)) return { array: describe(node.elementType) };
  if (ts.isTypeLiteralNode(node)) return object(node);
  if (ts.isUnionTypeNode(node)) return union(node.types.filter((one) => !isNull(one)).map(describe));
  // `(string & {})` is how the package writes "these names, or any other".
  if (ts.isIntersectionTypeNode(node)) return describe(node.types[0]);
  if (ts.isLiteralTypeNode(node)) {
    if (ts.isStringLiteral(node.literal)) return { enum: [node.literal.text] };
    return node.literal.kind === ts.SyntaxKind.NullKeyword ? 'any' : 'boolean';
  }
  if (ts.isTypeReferenceNode(node)) {
    const name = node.typeName.getText();
    if (name === 'Array') return { array: describe(node.typeArguments[0]) };
    if (name === 'Record') return { map: describe(node.typeArguments[1]) };
    const target = reference(node.typeName);
    const known = types[target.ref];
    // Names of plain types and enums say nothing to the reader of a message: write them out.
    return typeof known === 'string' || known?.enum ? known : target;
  }
  switch (node.kind) {
    case ts.SyntaxKind.StringKeyword: return 'string';
    case ts.SyntaxKind.NumberKeyword: return 'number';
    case ts.SyntaxKind.BooleanKeyword: return 'boolean';
    default: return 'any';
  }
}

/** A union with its enums merged; what a plain `string` swallows is dropped. */
function union(members) {
  const flat = members.flatMap((one) => one?.union ?? [one]);
  if (flat.includes('any')) return 'any';
  const values = flat.flatMap((one) => one?.enum ?? []);
  const out = [];
  for (const one of flat) {
    if (one?.enum) {
      if (!flat.includes('string') && !out.some((other) => other?.enum)) out.push({ enum: [...new Set(values)] });
    } else if (!out.some((other) => JSON.stringify(other) === JSON.stringify(one))) {
      out.push(one);
    }
  }
  return out.length === 1 ? out[0] : { union: out };
}

const operations = {};
for (const [operation, [file, name]] of Object.entries(OPERATIONS)) {
  const source = program.getSourceFile(fileOf(file));
  const found = source.statements.find((one) => one.name?.text === name);
  operations[operation] = reference(found.name).ref;
}

/** Drops the types nothing refers to any more, because their names were written out. */
function reachable(from, seen = new Set()) {
  if (Array.isArray(from)) for (const one of from) reachable(one, seen);
  else if (from && typeof from === 'object') {
    if (typeof from.ref === 'string' && !seen.has(from.ref)) {
      seen.add(from.ref);
      reachable(types[from.ref], seen);
    }
    for (const one of Object.values(from)) reachable(one, seen);
  }
  return seen;
}
const used = reachable(Object.values(operations).map((ref) => ({ ref })));
const { version } = JSON.parse(readFileSync(join(openai, 'package.json'), 'utf8'));
const line = ([name, type]) => `${JSON.stringify(name)}:${JSON.stringify(type)}`;
const kept = Object.entries(types).filter(([name]) => used.has(name));
const text = `{"openai":${JSON.stringify(version)},"operations":{\n${Object.entries(operations).map(line).join(',\n')}\n},"types":{\n${kept.map(line).join(',\n')}\n}}\n`;
const target = new URL('../src/api/spec/surface.json', import.meta.url);
if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== text) {
    console.error('src/api/spec/surface.json is not what the openai package says: run node scripts/surface.mjs');
    process.exit(1);
  }
} else writeFileSync(target, text);
console.log(`${kept.length} types of openai ${version}, ${text.length} bytes`);
