export { AdmissionControl, type ShareChange } from './admission-control.ts';
export { type HintCounters, HintTable, type HintVerdict } from './hint-table.ts';
export { PathChooser, type PathChooserOptions, type PathChooserStatistics } from './path-chooser.ts';
export { ReplicaChooser } from './replica-chooser.ts';
