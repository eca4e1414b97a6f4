// Types of the npm package → JSON Schema. Names are the module's path and the type's own: no two types share one, and
// none depends on the order in which they are met.
import ts from './typescript.mjs';
import { stop } from './stop.mjs';

const REF = '#/$defs/';
export const ref = (name) => ({ $ref: REF + name });
export const named = (schema) => (typeof schema.$ref === 'string' ? schema.$ref.slice(REF.length) : undefined);

const NULL = { type: 'null' };

/** `resources/beta/threads/runs/runs.ts` → `beta.threads.runs`; files outside `resources` keep their path. */
export function moduleOf(fileName) {
  const parts = fileName.replace(/^.*\/src\//, '').replace(/\.ts$/, '').split('/').map((part) => part.replaceAll('-', '_'));
  if (parts[0] === 'resources') parts.shift();
  if (parts.at(-1) === 'index' || parts.at(-1) === parts.at(-2)) parts.pop();
  return parts.join('.');
}

/** Reads types with a checker; `defs` holds each named one once. */
export class Types {
  constructor(checker) {
    this.checker = checker;
    /** @type {Record<string, object>} */
    this.defs = {};
    this.names = new Map();
  }

  /** The declaration behind a name, through imports. */
  declaration(node) {
    let symbol = this.checker.getSymbolAtLocation(node);
    if (symbol && symbol.flags & ts.SymbolFlags.Alias) symbol = this.checker.getAliasedSymbol(symbol);
    const found = symbol?.declarations?.find((one) => ts.isInterfaceDeclaration(one) || ts.isTypeAliasDeclaration(one)
      || ts.isClassDeclaration(one) || ts.isTypeParameterDeclaration(one));
    if (!found) stop(node, 'a name without a declaration');
    return { symbol, found };
  }

  /** The name of a declared type. */
  nameOf(found) {
    const names = [];
    let file = found;
    for (; !ts.isSourceFile(file); file = file.parent) if (!ts.isModuleBlock(file)) names.unshift(file.name.text);
    return [moduleOf(file.fileName), ...names].filter(Boolean).join('.');
  }

  /** A reference to a named type, described once. */
  reference(node) {
    const { symbol, found } = this.declaration(node);
    if (!this.names.has(symbol)) {
      const name = this.nameOf(found);
      if (name in this.defs) stop(node, `two types are called ${name}`);
      this.names.set(symbol, name);
      this.defs[name] = {};
      Object.assign(this.defs[name], ts.isTypeAliasDeclaration(found) ? this.of(found.type) : this.object(found));
    }
    return ref(this.names.get(symbol));
  }

  /** Fields of an interface or a type literal, inherited ones first. */
  members(node, out = { properties: {}, required: new Set() }) {
    for (const clause of node.heritageClauses ?? []) {
      for (const base of clause.types) this.inherited(base, out);
    }
    for (const member of node.members) {
      if (ts.isIndexSignatureDeclaration(member)) {
        out.additional = this.of(member.type);
      } else if (ts.isPropertySignature(member)) {
        const name = member.name.text;
        // `name?: never` says that a variant does not have the field.
        if (member.questionToken && member.type.kind === ts.SyntaxKind.NeverKeyword) continue;
        delete out.properties[name];
        out.required.delete(name);
        out.properties[name] = this.of(member.type);
        if (!member.questionToken) out.required.add(name);
      } else stop(member, 'an unknown kind of member');
    }
    return out;
  }

  /** `extends Base`, `extends Omit<Base, 'a'>`: the base's own fields. */
  inherited(base, out) {
    const name = base.expression.getText();
    if (name === 'Omit' || name === 'Pick') {
      const [of, keys] = base.typeArguments;
      const own = this.members(this.declaration(of.typeName).found);
      const listed = this.keys(keys);
      for (const key of Object.keys(own.properties)) {
        if (listed.includes(key) !== (name === 'Pick')) continue;
        out.properties[key] = own.properties[key];
        if (own.required.has(key)) out.required.add(key);
      }
      return;
    }
    const { found } = this.declaration(base.expression);
    if (ts.isInterfaceDeclaration(found)) this.members(found, out);
    else if (ts.isTypeAliasDeclaration(found) && ts.isTypeLiteralNode(found.type)) this.members(found.type, out);
    else stop(base, 'a base that is no interface');
  }

  keys(node) {
    const parts = ts.isUnionTypeNode(node) ? node.types : [node];
    return parts.map((one) => (ts.isLiteralTypeNode(one) && ts.isStringLiteral(one.literal) ? one.literal.text : stop(one, 'a key that is no text')));
  }

  object(node) {
    const { properties, required, additional } = this.members(node);
    const out = { type: 'object' };
    if (Object.keys(properties).length || !additional) out.properties = properties;
    if (required.size) out.required = [...required];
    if (additional) out.additionalProperties = additional;
    return out;
  }

  /** A type as written in the source → its schema. */
  of(node) {
    if (ts.isParenthesizedTypeNode(node)) return this.of(node.type);
    if (ts.isTypeOperatorNode(node) && node.operator === ts.SyntaxKind.ReadonlyKeyword) return this.of(node.type);
    if (ts.isArrayTypeNode(node)) return { type: 'array', items: this.of(node.elementType) };
    if (ts.isTupleTypeNode(node)) {
      const items = anyOf(node.elements.map((one) => this.of(one)));
      return { type: 'array', items, minItems: node.elements.length, maxItems: node.elements.length };
    }
    if (ts.isTypeLiteralNode(node)) return this.object(node);
    if (ts.isMappedTypeNode(node) && node.questionToken && node.type.kind === ts.SyntaxKind.NeverKeyword) return { type: 'object', properties: {} };
    if (ts.isUnionTypeNode(node)) return anyOf(node.types.filter((one) => one.kind !== ts.SyntaxKind.UndefinedKeyword).map((one) => this.of(one)));
    if (ts.isIntersectionTypeNode(node)) return this.intersection(node);
    if (ts.isLiteralTypeNode(node)) return this.literal(node);
    if (ts.isTypeReferenceNode(node)) return this.named(node);
    switch (node.kind) {
      case ts.SyntaxKind.StringKeyword: return { type: 'string' };
      case ts.SyntaxKind.NumberKeyword: return { type: 'number' };
      case ts.SyntaxKind.BooleanKeyword: return { type: 'boolean' };
      // The package's own word for "anything": the only one that is left open.
      case ts.SyntaxKind.UnknownKeyword: return {};
      // A callback of a helper: never on a wire.
      case ts.SyntaxKind.FunctionType: return {};
      default: return stop(node, 'an unknown form of type');
    }
  }

  /** `(string & {})` is how the package writes "these names, or any other". */
  intersection(node) {
    const [first, second, ...more] = node.types;
    const empty = second && ts.isTypeLiteralNode(second) && !second.members.length;
    if (first.kind === ts.SyntaxKind.StringKeyword && empty && !more.length) return { type: 'string' };
    // Objects: one with the fields of all.
    const out = { type: 'object', properties: {} };
    for (const one of node.types) {
      let schema = this.of(one);
      while (named(schema)) schema = this.defs[named(schema)];
      if (!schema.properties || schema.additionalProperties) stop(one, 'an intersection with what is no object');
      Object.assign(out.properties, schema.properties);
      out.required = [...new Set([...(out.required ?? []), ...(schema.required ?? [])])];
    }
    return out;
  }

  literal(node) {
    const { literal } = node;
    if (ts.isStringLiteral(literal)) return { type: 'string', enum: [literal.text] };
    if (ts.isNumericLiteral(literal)) return { type: 'number', enum: [Number(literal.text)] };
    switch (literal.kind) {
      case ts.SyntaxKind.NullKeyword: return { ...NULL };
      case ts.SyntaxKind.TrueKeyword: return { type: 'boolean', enum: [true] };
      case ts.SyntaxKind.FalseKeyword: return { type: 'boolean', enum: [false] };
      default: return stop(node, 'an unknown literal');
    }
  }

  named(node) {
    // Before 5 the client's own names stood in a namespace: `Core.Uploadable`.
    const name = (ts.isQualifiedName(node.typeName) ? node.typeName.right : node.typeName).getText();
    switch (name) {
      case 'Array': return { type: 'array', items: this.of(node.typeArguments[0]) };
      case 'Record': return { type: 'object', additionalProperties: this.of(node.typeArguments[1]) };
      case 'Uploadable': case 'Response': if (this.outside(node)) return { type: 'string', format: 'binary' }; break;
      case 'Omit': {
        const [of, keys] = node.typeArguments;
        const out = structuredClone(this.object(this.declaration(of.typeName).found));
        for (const key of this.keys(keys)) {
          delete out.properties[key];
          out.required = out.required?.filter((one) => one !== key);
        }
        return out;
      }
      default:
    }
    const { found } = this.declaration(node.typeName);
    // A generic type stands for all it may be: what its parameters are held to.
    if (ts.isTypeParameterDeclaration(found)) return found.constraint ? this.of(found.constraint) : stop(node, 'a type parameter held to nothing');
    return this.reference(node.typeName);
  }

  /** Whether a name is none of the resources' own: the DOM's `Response`, the client's `Uploadable`. */
  outside(node) {
    let symbol = this.checker.getSymbolAtLocation(node.typeName);
    if (symbol && symbol.flags & ts.SymbolFlags.Alias) symbol = this.checker.getAliasedSymbol(symbol);
    return !symbol?.declarations?.some((one) => one.getSourceFile().fileName.includes('/resources/'));
  }
}

/** One of several; literals of one type become one enum, in the order of the source. */
export function anyOf(members) {
  const out = [];
  for (const member of members.flatMap((one) => (one.anyOf && Object.keys(one).length === 1 ? one.anyOf : [one]))) {
    const same = member.enum && out.find((one) => one.enum && one.type === member.type);
    if (same) same.enum = [...new Set([...same.enum, ...member.enum])];
    else if (!out.some((one) => JSON.stringify(one) === JSON.stringify(member))) out.push(member.enum ? { ...member } : member);
  }
  return out.length === 1 ? out[0] : { anyOf: out };
}
