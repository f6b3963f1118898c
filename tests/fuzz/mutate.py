"""Mutation fuzzing of the readers: the parts of a workbook, and formulas."""
import glob
import os
import random
import subprocess
import sys
import time
import zipfile

bin_dir, seconds = sys.argv[1], float(sys.argv[2])
root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
seeds = [os.path.join(root, "examples", f) for f in ("dcf.xlsx", "options.xlsx", "project-risk.xlsx")]
out = os.path.join(root, "build", "fuzz")
os.makedirs(out, exist_ok=True)
good = {0, 1, 64, 65, 66}
rng = random.Random(int(os.environ.get("SEED", "1")))
findings = 0


def mutate(data):
    data = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        if not data:
            break
        i = rng.randrange(len(data))
        kind = rng.randrange(5)
        if kind == 0:
            data[i] = rng.randrange(256)
        elif kind == 1:
            del data[i:i + rng.randint(1, 40)]
        elif kind == 2:
            data[i:i] = data[i:i + rng.randint(1, 40)]
        elif kind == 3:
            data[i:i] = rng.choice([b"9999999999", b"-1", b"<", b"&", b"A1:XFD1048576", b"((((((((", b"SUM(", b"#REF!", b"1E308"])
        else:
            data[i:i + 1] = bytes([data[i] ^ (1 << rng.randrange(8))])
    return bytes(data)


def run(args, keep):
    global findings
    try:
        p = subprocess.run(args, capture_output=True, timeout=20)
        bad = p.returncode not in good or b"runtime error" in p.stderr or b"AddressSanitizer" in p.stderr
        what = f"status {p.returncode}"
    except subprocess.TimeoutExpired:
        bad, what = True, "hang"
    if bad:
        findings += 1
        name = os.path.join(out, f"finding-{findings}")
        keep(name)
        print(f"{what}: {' '.join(args)[:200]} kept as {name}")


end = time.time() + seconds
n = 0
while time.time() < end:
    src = zipfile.ZipFile(rng.choice(seeds))
    victim = rng.choice([x for x in src.namelist() if x.endswith((".xml", ".rels"))])
    path = os.path.join(out, "try.xlsx")
    with zipfile.ZipFile(path, "w") as z:
        for name in src.namelist():
            d = src.read(name)
            z.writestr(name, mutate(d) if name == victim else d)
    run([os.path.join(bin_dir, "sim-model"), "--verify", path], lambda name: os.rename(path, name + ".xlsx"))
    n += 1
print(f"{n} workbooks")
formulas = [l.split("\t")[0] for path in sorted(glob.glob(os.path.join(root, "tests/golden/formulas-*.tsv")))
            for l in open(path, encoding="utf-8") if "\t" in l and l[0] != "#"]
end = time.time() + seconds
n = 0
while time.time() < end:
    f = mutate(rng.choice(formulas).encode()).replace(b"\0", b" ").decode("utf-8", "ignore")
    run([os.path.join(bin_dir, "sim-model"), seeds[0], f"--eval={f}"], lambda name: open(name + ".txt", "w").write(f))
    n += 1
print(f"{n} formulas; {findings} findings")
sys.exit(findings != 0)
