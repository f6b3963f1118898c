#!/usr/bin/python3
"""One recalculation of a workbook after another in LibreOffice, headless, through UNO: new values in the inputs, the target read.
usage: libreoffice.py XLSX CELLS.json COUNT (CELLS.json by workbook_json.py): nanoseconds a recalculation, most of it in soffice's process"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import uno
from com.sun.star.beans import PropertyValue

path, cells, count = os.path.abspath(sys.argv[1]), json.load(open(sys.argv[2])), int(sys.argv[3])
home = tempfile.mkdtemp()
pipe = f"simbench{os.getpid()}"
office = subprocess.Popen(["soffice", "--headless", "--invisible", "--norestore", f"-env:UserInstallation=file://{home}",
                           f"--accept=pipe,name={pipe};urp;"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          start_new_session=True)
try:
    local = uno.getComponentContext()
    resolver = local.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", local)
    for _ in range(300):
        try:
            context = resolver.resolve(f"uno:pipe,name={pipe};urp;StarOffice.ComponentContext")
            break
        except Exception:
            time.sleep(0.2)
    desktop = context.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", context)
    hidden = PropertyValue()
    hidden.Name, hidden.Value = "Hidden", True
    book = desktop.loadComponentFromURL("file://" + path, "_blank", 0, (hidden,))

    def cell(ref):
        sheet, at = ref.split("!")
        return book.Sheets.getByName(sheet.strip("'")).getCellRangeByName(at)

    inputs = [(cell(ref), v) for ref, v in cells["inputs"].items()]
    target = cell(cells["target"])

    def recalculate(k):
        book.lockControllers()
        for c, v in inputs:
            c.setValue(v * (1 + 0.001 * (k % 7)))
        book.unlockControllers()
        return target.getValue()

    if abs(recalculate(0) - cells["value"]) > 1e-6 * abs(cells["value"]):
        sys.exit(f"value {recalculate(0)}, not {cells['value']}")
    start = time.perf_counter()
    for k in range(count):
        recalculate(k)
    print(f"{(time.perf_counter() - start) / count * 1e9:.0f}")
    sys.stdout.flush()
finally:
    os.killpg(office.pid, signal.SIGKILL)  # soffice is a script: the office is its child
    office.wait()
os._exit(0)  # the bridge's threads do not end well when the office is gone
