#!/bin/sh
# Compile every header of kernels/ for the GPU: with nvcc, or with NVRTC where only that is installed.
# TAP; skipped where there is no CUDA toolkit. Nothing is run: no GPU is needed.
set -u
cd "$(dirname "$0")/../.." || exit 1
nvcc=${NVCC:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
arch=${CUDA_ARCH:-sm_90}
if ! [ -x "$nvcc" ]; then
	echo 1..1
	echo 'ok 1 - the headers compile for the GPU # skip no CUDA toolkit here'
	exit 0
fi
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
# every header, math.h first: the lanes come with it
{
	echo '#include "kernels/math.h"'
	grep -l KERNELS_ kernels/*.h | sed 's/.*/#include "&"/' # those without a guard are templates
} > "$tmp/kernels.cu"
cat >> "$tmp/kernels.cu" <<'CU'
extern "C" __global__ void
elementary(double *out, const double *in, int n)
{
	int i = blockIdx.x * blockDim.x + threadIdx.x;
	double x, y;

	if (i >= n)
		return;
	x = in[2 * i];
	y = in[2 * i + 1];
	out += 32 * i;
	out[0] = ks_exp(x);
	out[1] = ks_exp2(x);
	out[2] = ks_expm1(x);
	out[3] = ks_log(x);
	out[4] = ks_log2(x);
	out[5] = ks_log10(x);
	out[6] = ks_log1p(x);
	out[7] = ks_pow(x, y);
	out[8] = ks_sin(x);
	out[9] = ks_cos(x);
	out[10] = ks_tan(x);
	out[11] = ks_asin(x);
	out[12] = ks_acos(x);
	out[13] = ks_atan(x);
	out[14] = ks_atan2(x, y);
	out[15] = ks_sinh(x);
	out[16] = ks_cosh(x);
	out[17] = ks_tanh(x);
	out[18] = ks_asinh(x);
	out[19] = ks_acosh(x);
	out[20] = ks_atanh(x);
	out[21] = ks_erf(x);
	out[22] = ks_erfc(x);
	out[23] = ks_norm_pdf(x);
	out[24] = ks_norm_cdf(x);
	out[25] = ks_norm_inv(x);
	out[26] = philox_uniform(1, 2, (uint64_t)i);
	out[27] = ks_powc(x, 10.0);
	out[28] = ks_min(x, y);
	out[29] = ks_rint(x);
	out[30] = ks_sample_triang(x, 1.0, y, 10.0);
}

extern "C" __global__ void
distributions(double *out, const double *p, const double *u, const double *table, int id, int np, int n)
{
	int i = blockIdx.x * blockDim.x + threadIdx.x;
	double q;

	if (i >= n)
		return;
	out += 6 * i;
	out[0] = dist_inverse(id, p, np, u[i]);
	out[1] = dist_cdf(id, p, np, u[i], &q) + q;
	out[2] = dist_pdf(id, p, np, u[i]);
	out[3] = dist_mean(id, p, np);
	out[4] = dist_sd(id, p, np);
	out[5] = ks_invtab_eval(table, u[i]);
}
CU
echo 1..2
if "$nvcc" -arch="$arch" --fmad=false -I. -cubin -o "$tmp/kernels.cubin" "$tmp/kernels.cu" 2> "$tmp/log"; then
	echo "ok 1 - nvcc $arch compiles the headers"
else
	sed 's/^/# /' "$tmp/log"
	echo "not ok 1 - nvcc $arch compiles the headers"
	exit 1
fi

# NVRTC has no host headers: the same text must do without them.
root=$(dirname "$nvcc")/..
cat > "$tmp/rtc.c" <<'C'
#include <nvrtc.h>
#include <stdio.h>
#include <stdlib.h>

int
main(int argc, char **argv)
{
	char *src, *log, inc[4096], gpu[64];
	const char *opt[3] = { inc, "--fmad=false", gpu };
	nvrtcProgram prog;
	size_t n;
	FILE *f = fopen(argv[1], "r");

	if (argc < 4 || !f)
		return 2;
	src = calloc(1, 1 << 20);
	if (!src || !fread(src, 1, (1 << 20) - 1, f))
		return 2;
	fclose(f);
	snprintf(inc, sizeof inc, "-I%s", argv[2]);
	snprintf(gpu, sizeof gpu, "--gpu-architecture=%s", argv[3]);
	if (nvrtcCreateProgram(&prog, src, "kernels.cu", 0, NULL, NULL))
		return 2;
	if (!nvrtcCompileProgram(prog, 3, opt))
		return 0;
	nvrtcGetProgramLogSize(prog, &n);
	log = malloc(n);
	nvrtcGetProgramLog(prog, log);
	fputs(log, stderr);
	return 1;
}
C
lib=$(find "$root/" /usr/lib -name 'libnvrtc.so*' 2>/dev/null | head -n 1)
hdr=$(find "$root/" /usr/include -name nvrtc.h 2>/dev/null | head -n 1)
if [ -z "$lib" ] || [ -z "$hdr" ]; then
	echo "ok 2 - NVRTC compiles the headers # skip no NVRTC library here"
elif ! "${CC:-cc}" -I"$(dirname "$hdr")" -o "$tmp/rtc" "$tmp/rtc.c" "$lib" -Wl,-rpath,"$(dirname "$lib")" 2> "$tmp/log" ||
	! LD_LIBRARY_PATH="$(dirname "$lib")" "$tmp/rtc" "$tmp/kernels.cu" "$PWD" "$arch" 2>> "$tmp/log"; then
	sed 's/^/# /' "$tmp/log" | head -n 40
	echo "not ok 2 - NVRTC compiles the headers"
	exit 1
else
	echo "ok 2 - NVRTC compiles the headers"
fi
