import { type CompiledQuery, type Dialect, DummyDriver, Kysely, type RawBuilder, sql } from 'kysely';

export type Fragment = RawBuilder<unknown>;

/** What is bound: scalars, and lists of texts in the form each database takes lists in. */
export type BoundValue = string | number | null | readonly (string | number | null)[];
export type Bindings = Readonly<Record<string, BoundValue>>;

/** The SQL of a statement and the names of its parameters, in the order they are bound. */
export interface CompiledStatement {
  readonly sql: string;
  readonly names: readonly string[];
}

/** What the databases that speak SQL say differently. All statements are made of fragments and this. */
export interface SqlDialect {
  compile(fragment: Fragment): CompiledStatement;
  /** Column types: text that compares by its bytes, and whole numbers of 53 bits. */
  readonly text: Fragment;
  readonly integer: Fragment;
  /**
   * Whether a side table is one b-tree, in the order of elements and keys. Its rows are then found by the lists that the main table has, too.
   * Otherwise its primary key begins with the record's, and a database index has that order.
   */
  readonly isByElement: boolean;
  /** The column that ties rows of an index's tables to each other and to their record: its key, or a number by which it is found faster. */
  readonly tie: 'key' | 'record';
  /** That column, and the key, in an index's main table, of which it is the primary key, and in a side table. */
  readonly mainKey: Fragment;
  readonly sideKey: Fragment;
  /** Which of the records, `r`, belongs to a row that has the tie. */
  isRecordOf(tie: Fragment): Fragment;
  /**
   * The columns of a database index on a table of an index, in parentheses, and what else its rows need: when they expire, and the tie. `others`
   * are columns that rows are filtered by on a walk along it, which a database may have at hand there.
   */
  covering(columns: readonly Fragment[], others?: readonly Fragment[]): Fragment;
  /** Joins what stands on the left with rows of a table under this name, which are looked up for each of its rows, always. */
  lookUp(table: Fragment, name: string, where: Fragment): Fragment;
  /** Rows to select from that are found by themselves: what is done with them has no say in how. */
  apart(rows: Fragment): Fragment;
  /** A column whose comparison must not decide where in an index a walk begins or ends. */
  onlyLooked(column: Fragment): Fragment;
  /** Whether a column holds one of the texts of a bound list. */
  isOneOf(column: Fragment, list: Fragment): Fragment;
  /** A bound list of texts as a table with the one column `value`. */
  elements(list: Fragment): Fragment;
}

/** The place of a named value in a statement. */
class Parameter {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** A named value. */
export function param(name: string): Fragment {
  return sql`${new Parameter(name)}`;
}

/** Makes the compiler of a dialect. Kysely only compiles here: it never sees a connection. */
export function createStatementCompiler(
  parts: Pick<Dialect, 'createAdapter' | 'createIntrospector' | 'createQueryCompiler'>,
): (fragment: Fragment) => CompiledStatement {
  const compiler = new Kysely<Record<string, never>>({
    dialect: {
      createAdapter: () => parts.createAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (kysely) => parts.createIntrospector(kysely),
      createQueryCompiler: () => parts.createQueryCompiler(),
    },
  });
  return (fragment) => {
    const compiled: CompiledQuery = fragment.compile(compiler);
    const names = compiled.parameters.map((parameter) => {
      if (!(parameter instanceof Parameter)) throw new TypeError('A statement is compiled with named parameters only');
      return parameter.name;
    });
    return { sql: compiled.sql, names };
  };
}

/** Fragments one after the other. */
export function sequenceOf(fragments: readonly Fragment[]): Fragment {
  return sql.join([...fragments], sql``);
}
