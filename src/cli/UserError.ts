/**
 * A failure that the user can do something about. Its message is one line without the program's name:
 * what is wrong, then the remedy. The tagged errors of `src/services` are of this shape.
 */
export interface UserError {
  readonly _tag: string
  readonly message: string
}
