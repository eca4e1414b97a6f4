// Every call of npm's `openai`: one operation each, read from the sources that the package ships.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import ts from './typescript.mjs';
import { stop } from './stop.mjs';
import { Types, anyOf, named, ref } from './types.mjs';

/** `fineTuning.jobs.listEvents` → `fine_tuning.jobs.list_events`, as Python has it. */
export const snake = (name) => name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2').toLowerCase();

const VERBS = { get: 'GET', getAPIList: 'GET', post: 'POST', put: 'PUT', patch: 'PATCH', delete: 'DELETE' };

/** A TypeScript program over the sources of a release. */
export function open(folder) {
  // Before 5 the client stood in the index.
  const file = ['src/client.ts', 'src/index.ts'].map((name) => join(folder, name)).find(existsSync);
  const program = ts.createProgram([file], {
    skipLibCheck: true, noResolve: false, strict: true, target: ts.ScriptTarget.ES2022, types: [],
    module: ts.ModuleKind.CommonJS, moduleResolution: ts.ModuleResolutionKind.Node10, ignoreDeprecations: '5.0',
  });
  return { program, checker: program.getTypeChecker(), client: program.getSourceFile(file) };
}

/** All operations of a release, and the types they mention. */
export function read(folder) {
  const { program, checker, client } = open(folder);
  const types = new Types(checker);
  const operations = [];
  const resource = (found, path) => {
    for (const part of parts(found, checker)) {
      if (ts.isPropertyDeclaration(part)) {
        const made = part.initializer && ts.isNewExpression(part.initializer) && part.initializer.expression;
        const inner = made && classOf(made, checker);
        if (inner && inner.getSourceFile().fileName.includes('/resources/')) resource(inner, [...path, part.name.text]);
      } else if (ts.isMethodDeclaration(part) && part.body && path.length) {
        for (const call of calls(part.body, checker)) operations.push(operation(call, part, [...path, part.name.text], types));
      }
    }
  };
  resource(client.statements.find((one) => ts.isClassDeclaration(one) && one.name?.text === 'OpenAI'), []);
  return { operations, messages: messages(program, types), defs: types.defs };
}

/** What sockets and webhooks carry: types that no operation leads to. */
function messages(program, types) {
  const files = program.getSourceFiles().filter((file) => file.fileName.includes('/src/resources/') && !file.fileName.endsWith('binding.ts'));
  const found = files.flatMap((file) => file.statements.filter((one) => ts.isTypeAliasDeclaration(one) && /(Client|Server)Event$|^UnwrapWebhookEvent$/.test(one.name.text)));
  return found.map((one) => named(types.reference(one.name))).sort();
}

/** Every type that a release's resources declare, whatever leads to it: older releases are asked only for these. */
export function declared(folder) {
  const { program, checker } = open(folder);
  const types = new Types(checker);
  const visit = (node) => {
    // The client's helpers (generic, pages, what it parsed) are on no wire.
    const wire = (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) && !node.typeParameters && !/^Parsed/.test(node.name.text);
    if (wire && !(node.type && ts.isTypeReferenceNode(node.type) && /Page$/.test(node.type.typeName.getText()))) types.reference(node.name);
    if (ts.isSourceFile(node) || ts.isModuleBlock(node)) node.statements.forEach(visit);
    else if (ts.isModuleDeclaration(node) && node.body) visit(node.body);
  };
  for (const file of program.getSourceFiles()) if (file.fileName.includes('/src/resources/')) visit(file);
  return types.defs;
}

function classOf(expression, checker) {
  let symbol = checker.getSymbolAtLocation(expression);
  if (symbol && symbol.flags & ts.SymbolFlags.Alias) symbol = checker.getAliasedSymbol(symbol);
  return symbol?.declarations?.find(ts.isClassDeclaration);
}

/** Members of a class and of those it extends. */
function parts(found, checker) {
  const base = found.heritageClauses?.find((one) => one.token === ts.SyntaxKind.ExtendsKeyword)?.types[0];
  const inherited = base && classOf(base.expression, checker);
  const outer = inherited?.getSourceFile().fileName.includes('/resources/') ? parts(inherited, checker) : [];
  return [...outer, ...found.members];
}

/** Requests a method makes: its own, and those of a function of the library that it hands its client. */
function calls(body, checker, client = 'this._client') {
  const out = [];
  const visit = (node) => {
    if (ts.isCallExpression(node)) {
      const { expression } = node;
      if (ts.isPropertyAccessExpression(expression) && expression.expression.getText() === client && expression.name.text in VERBS) out.push(node);
      else if (ts.isIdentifier(expression) && node.arguments[0]?.getText() === client && client.startsWith('this')) {
        let symbol = checker.getSymbolAtLocation(expression);
        if (symbol && symbol.flags & ts.SymbolFlags.Alias) symbol = checker.getAliasedSymbol(symbol);
        const found = symbol?.declarations?.find(ts.isFunctionDeclaration);
        if (found?.body) out.push(...calls(found.body, checker, found.parameters[0].name.getText()));
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(body);
  return out;
}

function operation(call, method, path, types) {
  const verb = call.expression.name.text;
  const text = call.getText();
  const row = { name: path.map(snake).join('.'), method: VERBS[verb], ...address(call.arguments[0]) };
  if (verb === 'getAPIList' && /method: 'post'/.test(text)) row.method = 'POST';
  row.form = /maybeMultipartFormRequestOptions\(/.test(text) ? 'JsonOrForm' : /ultipartFormRequestOptions\(/.test(text) ? 'Form' : undefined;
  row.key = /adminAPIKeyAuth: true/.test(text) ? 'admin' : /bearerAuth: true/.test(enclosing(call).getText()) ? 'project' : stop(call, 'no key');
  const { body, query } = sent(call, method, types);
  if (body) row.body = body;
  if (query) row.query = query;
  if (body && !row.form) row.form = 'Json';
  if (!body && row.form) stop(call, 'a form without a body');
  Object.assign(row, answer(call, method, types));
  if ([method.parent, ...signatures(method)].some(ts.getJSDocDeprecatedTag)) row.deprecated = true;
  return row;
}

/** A method's declarations: overloads, then the implementation. */
const signatures = (method) => method.parent.members.filter((one) => ts.isMethodDeclaration(one) && one.name.getText() === method.name.getText());

/** The function a call stands in. */
function enclosing(node) {
  let up = node;
  while (!ts.isMethodDeclaration(up) && !ts.isFunctionDeclaration(up)) up = up.parent;
  return up;
}

/** `path\`/files/${fileID}\`` → `/files/{file_id}`; what stands behind `?` tells variants of one path apart. */
function address(node) {
  let text;
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) text = node.text;
  else if (ts.isTaggedTemplateExpression(node)) {
    const { template } = node;
    text = ts.isNoSubstitutionTemplateLiteral(template) ? template.text
      : template.head.text + template.templateSpans.map((span) => `{${ts.isIdentifier(span.expression) ? snake(span.expression.text) : stop(span, 'a path that is computed')}}${span.literal.text}`).join('');
  } else stop(node, 'an unknown form of path');
  const [path, variant] = text.split('?');
  return variant ? { path, variant } : { path };
}

/** What the call sends as body and as query: parameters of the method, or what is left of one. */
function sent(call, method, types) {
  const out = {};
  const visit = (node) => {
    const name = node.name?.text;
    if ((name === 'body' || name === 'query') && (ts.isShorthandPropertyAssignment(node) || ts.isPropertyAssignment(node))) {
      const value = ts.isShorthandPropertyAssignment(node) ? node.name : node.initializer;
      out[name] ??= parameter(value, method, types);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.isMethodDeclaration(enclosing(call)) ? call : enclosing(call).body);
  return out;
}

/** The type of what is sent: a parameter, the rest of one (`const { id, ...body } = params`), or named fields of one. */
function parameter(value, method, types) {
  const direct = ts.isObjectLiteralExpression(value) ? undefined : source(value);
  const own = direct && method.parameters.find((one) => one.name.getText() === direct);
  if (own) return typeOf(method, own, types);
  let out;
  const visit = (node) => {
    if (ts.isVariableDeclaration(node) && node.name.getText() === direct && node.initializer && ts.isObjectLiteralExpression(node.initializer)) {
      // A copy of a parameter with more in it.
      const spread = node.initializer.properties.find(ts.isSpreadAssignment)?.expression;
      if (spread) out = parameter(spread, method, types);
    }
    if (ts.isVariableDeclaration(node) && ts.isObjectBindingPattern(node.name) && node.initializer) {
      const from = node.initializer.getText().replace(/ \?\? \{\}$/, '');
      const source = method.parameters.find((one) => one.name.getText() === from);
      const bound = node.name.elements.map((one) => ({ key: (one.propertyName ?? one.name).text, name: one.name.getText(), rest: Boolean(one.dotDotDotToken) }));
      const rest = bound.find((one) => one.rest)?.name;
      if (source && direct && rest === direct) {
        out = part(typeOf(method, source, types), types, (key) => !bound.some((one) => !one.rest && one.key === key), direct);
      } else if (source && !direct) {
        const taken = value.properties.map((one) => one.name.text);
        out = part(typeOf(method, source, types), types, (key) => taken.includes(key), 'query');
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(method.body);
  if (!out && !method.getText().includes(value.getText())) visit(enclosing(value).body);
  return out ?? stop(value, 'what is sent is no parameter');
}

/** The one variable an expression is made of: `query`, `omitNulls(requestOptions.body ?? {}, …)`. */
function source(value) {
  if (ts.isIdentifier(value)) return value.text;
  const found = new Set();
  const visit = (node) => {
    if (ts.isIdentifier(node) && /^(body|query|params)$/.test(node.text)) found.add(node.text);
    ts.forEachChild(node, visit);
  };
  visit(value);
  return found.size === 1 ? [...found][0] : stop(value, 'what is sent is an expression');
}

/** Some fields of a named object, as a type of its own: the rest stands in the path, in headers or in the query. */
function part(name, types, keep, suffix) {
  const whole = types.defs[name];
  const properties = Object.fromEntries(Object.entries(whole.properties ?? {}).filter(([key]) => keep(key)));
  const own = `${name}.${suffix}`;
  const required = (whole.required ?? []).filter(keep);
  types.defs[own] = { type: 'object', properties, ...(required.length ? { required } : {}) };
  return own;
}

/** The type of a parameter: of a streamed and an unstreamed form their common base, else the implementation's. */
function typeOf(method, parameter, types) {
  const at = method.parameters.indexOf(parameter);
  const candidates = signatures(method).flatMap((one) => references(one.parameters[at]?.type)).filter((one) => one.getText() !== 'RequestOptions');
  const base = candidates.find((one) => /ParamsBase$/.test(one.getText())) ?? references(method.parameters[at].type)[0] ?? candidates[0];
  if (!base) stop(parameter, 'a parameter without a named type');
  return flat(named(types.reference(base.typeName)), types);
}

/** An alias of one type is that type; a union of objects is the object that has all their fields. */
function flat(name, types) {
  const schema = types.defs[name];
  if (named(schema)) return flat(named(schema), types);
  if (schema.anyOf?.every((one) => named(one) && types.defs[flat(named(one), types)].properties)) {
    const all = schema.anyOf.map((one) => types.defs[flat(named(one), types)]);
    const properties = {};
    for (const one of all) {
      for (const [key, value] of Object.entries(one.properties)) properties[key] = properties[key] ? anyOf([properties[key], value]) : value;
    }
    const required = Object.keys(properties).filter((key) => all.every((one) => one.required?.includes(key)));
    types.defs[name] = { type: 'object', properties, ...(required.length ? { required } : {}) };
  }
  return name;
}

/** Named types in a parameter's type, without the options' helpers. */
function references(node) {
  if (!node) return [];
  if (ts.isParenthesizedTypeNode(node)) return references(node.type);
  if (ts.isUnionTypeNode(node) || ts.isIntersectionTypeNode(node)) return node.types.flatMap(references);
  return ts.isTypeReferenceNode(node) ? [node] : [];
}

/** What comes back, by the method's declared types: an object, a page, events, bytes or nothing. */
function answer(call, method, types) {
  const out = {};
  const answers = new Set();
  const visit = (node) => {
    if (node.kind === ts.SyntaxKind.StringKeyword) answers.add('string');
    if (!ts.isTypeReferenceNode(node)) return void ts.forEachChild(node, visit);
    const [first, second] = node.typeArguments ?? [];
    switch (node.typeName.getText()) {
      case 'Stream': out.events ??= nameOf(first, types, method); return;
      case 'PagePromise': {
        const { found } = types.declaration(first.typeName);
        out.page = ts.isClassDeclaration(found) ? found.heritageClauses[0].types[0].expression.getText() : found.type.typeName.getText();
        answers.add(nameOf(second, types, method));
        return;
      }
      case 'APIPromise': case 'Promise': return void visit(first);
      case 'Response': if (types.outside(node)) { out.bytes = true; return; } break;
      // A stream with helpers; what it is made of stands at the call.
      case 'AgentSessionCreateStream': return;
      default:
    }
    answers.add(nameOf(node, types, method));
  };
  // A body narrowed in place (`Params & { encoding_format: 'base64' }`) is a special case of the plain one.
  const narrowed = (one) => one.parameters.some((parameter) => parameter.name.getText() === 'body' && parameter.type && ts.isIntersectionTypeNode(parameter.type));
  const stated = signatures(method).filter((one) => one.type && !narrowed(one));
  for (const one of [...(stated.length > 1 ? stated.slice(0, -1) : stated).map((signature) => signature.type), ...(call.typeArguments ?? [])]) visit(one);
  if (/__binaryResponse: true/.test(call.getText())) out.bytes = true;
  const kind = out.page ? 'page' : out.bytes ? 'bytes' : answers.size ? 'object' : out.events ? 'events' : 'none';
  if (kind !== 'bytes' && answers.size) {
    out.answer = [...answers][0];
    if (answers.size > 1 || out.answer === 'string') {
      out.answer = `${types.nameOf(method.parent)}.${snake(method.name.getText())}`;
      types.defs[out.answer] = anyOf([...answers].map((one) => (one === 'string' ? { type: 'string' } : ref(one))));
    }
  }
  const style = out.page && (snake(out.page).replace(/_?page$/, '') || 'whole');
  return { kind, ...(style && { page: style }), ...(out.answer && { answer: out.answer }), ...(out.events && { events: out.events }) };
}

/** The name of a type; one that is written in place is called after the method. */
function nameOf(node, types, method) {
  const schema = types.of(node);
  if (named(schema)) return named(schema);
  const name = `${types.nameOf(method.parent)}.${snake(method.name.getText())}`;
  types.defs[name] = schema;
  return name;
}
