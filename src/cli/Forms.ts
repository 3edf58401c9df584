import { captureForm } from "./CaptureForm.ts"
import type { CommandForm } from "./CommandForm.ts"
import { controlForms } from "./ControlForms.ts"
import { explainForm, replayForm } from "./OfflineForms.ts"

/** Commands that are about frames. */
export const frameForms: ReadonlyArray<CommandForm> = [captureForm, explainForm, replayForm]

/** All commands that are for people. */
export const forms: ReadonlyArray<CommandForm> = [...controlForms, ...frameForms]
