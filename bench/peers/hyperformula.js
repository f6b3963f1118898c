// One recalculation of the DCF workbook after another in HyperFormula: new values in the twelve inputs, the target read.
// usage: hyperformula.js CELLS.json COUNT (made by workbook_json.py): nanoseconds a recalculation.
const fs = require('fs');
const { HyperFormula } = require('hyperformula');
const book = JSON.parse(fs.readFileSync(process.argv[2]));
const count = Number(process.argv[3] || 2000);
const hf = HyperFormula.buildFromSheets(book.sheets, { licenseKey: 'gpl-v3' });
const at = (ref) => { const a = hf.simpleCellAddressFromString(ref, 0); return a; };
const inputs = Object.entries(book.inputs).map(([ref, v]) => [at(ref), v]);
const target = at(book.target);
const set = (k) => hf.batch(() => { for (const [a, v] of inputs) hf.setCellContents(a, v * (1 + 0.001 * (k % 7))); });
for (let k = 0; k < 100; k++) set(k);
set(0);
const check = hf.getCellValue(target);
if (!(Math.abs(check - book.value) < 1e-6 * Math.abs(book.value))) { console.error(`value ${check}, not ${book.value}`); process.exit(1); }
const start = process.hrtime.bigint();
let sum = 0;
for (let k = 0; k < count; k++) { set(k); sum += hf.getCellValue(target); }
console.log((Number(process.hrtime.bigint() - start) / count).toFixed(0));
