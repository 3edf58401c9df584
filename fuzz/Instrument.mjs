// Puts a counter on every edge that the source shows: where a function begins, where a branch is taken
// or not taken, where a loop's body, a case or the second half of a short-circuit begins.
//
// The counters are spliced into the text, on its own lines, so that what a stack trace says still holds.
import { readFileSync } from "node:fs"
import ts from "typescript"

const LOOPS = new Set([
  ts.SyntaxKind.ForStatement,
  ts.SyntaxKind.ForOfStatement,
  ts.SyntaxKind.ForInStatement,
  ts.SyntaxKind.WhileStatement,
  ts.SyntaxKind.DoStatement
])

const SHORT_CIRCUITS = new Set([
  ts.SyntaxKind.AmpersandAmpersandToken,
  ts.SyntaxKind.BarBarToken,
  ts.SyntaxKind.QuestionQuestionToken
])

/** Instruments one file. Edges are numbered from `first` on; `where` tells each one's line. */
export const instrument = (path, first, edgesModule) => {
  const source = readFileSync(path, "utf8")
  const tree = ts.createSourceFile(path, source, ts.ScriptTarget.ES2022, true)
  const inserts = []
  const where = []

  const count = (node) => {
    where.push(`${path}:${tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}`)
    return `__hits[${first + where.length - 1}]++`
  }
  const insert = (at, text) => inserts.push({ at, text })

  const block = (statement) => {
    if (ts.isBlock(statement)) insert(statement.getStart() + 1, `${count(statement)};`)
    else insert(statement.getStart(), `{${count(statement)};`)
  }
  const blockEnd = (statement) => {
    if (!ts.isBlock(statement)) insert(statement.getEnd(), "}")
  }
  const expression = (node) => insert(node.getStart(), `(${count(node)},`)
  const expressionEnd = (node) => insert(node.getEnd(), ")")

  const before = (node) => {
    if (ts.isFunctionLike(node) && node.body !== undefined) {
      if (ts.isBlock(node.body)) insert(node.body.getStart() + 1, `${count(node)};`)
      else expression(node.body)
    } else if (ts.isCaseOrDefaultClause(node)) {
      const at = node.statements.length > 0 ? node.statements[0].getStart() : node.getEnd()
      insert(at, `${count(node)};`)
    }
  }
  const after = (node) => {
    if (ts.isFunctionLike(node) && node.body !== undefined && !ts.isBlock(node.body)) expressionEnd(node.body)
  }
  const bracketed = (node, start, end) => {
    start(node)
    visit(node)
    end(node)
  }

  const visit = (node) => {
    before(node)
    if (ts.isIfStatement(node)) {
      visit(node.expression)
      bracketed(node.thenStatement, block, blockEnd)
      if (node.elseStatement !== undefined) bracketed(node.elseStatement, block, blockEnd)
      else insert(node.getEnd(), `else{${count(node)}}`)
    } else if (ts.isConditionalExpression(node)) {
      visit(node.condition)
      bracketed(node.whenTrue, expression, expressionEnd)
      bracketed(node.whenFalse, expression, expressionEnd)
    } else if (ts.isBinaryExpression(node) && SHORT_CIRCUITS.has(node.operatorToken.kind)) {
      visit(node.left)
      bracketed(node.right, expression, expressionEnd)
    } else if (LOOPS.has(node.kind)) {
      ts.forEachChild(node, (child) => child === node.statement ? bracketed(child, block, blockEnd) : visit(child))
    } else {
      ts.forEachChild(node, visit)
    }
    after(node)
  }
  visit(tree)

  // What was inserted first at a place stands first there: outer beginnings, and inner ends.
  const order = inserts.map((entry, i) => ({ ...entry, i })).sort((a, b) => a.at - b.at || a.i - b.i)
  let text = `import { hits as __hits } from ${JSON.stringify(edgesModule)};`
  let from = 0
  for (const { at, text: inserted } of order) {
    text += source.slice(from, at) + inserted
    from = at
  }
  return { text: text + source.slice(from), where }
}
