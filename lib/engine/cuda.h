/*
 * cuda: the NVIDIA driver and NVRTC, loaded at run time, so that one program runs with and without them.
 *
 * Libraries: libcuda.so.1 and libnvrtc.so.13, .12 or libnvrtc.so, also under /usr/local/cuda; or what $SIM_CUDA_LIB and
 * $SIM_NVRTC_LIB name. The prototypes are those of the CUDA 12 and 13 manuals.
 */
#ifndef ENGINE_CUDA_H
#define ENGINE_CUDA_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

typedef int cu_result;           /* 0: success */
typedef uint64_t cu_ptr;
typedef struct cu_context *cu_context;
typedef struct cu_module *cu_module;
typedef struct cu_function *cu_function;
typedef struct cu_stream *cu_stream;
typedef struct nvrtc_program *nvrtc_program;

/* F(field, symbol, parameters) */
#define CUDA_DRIVER(F)                                                                                        \
	F(init, "cuInit", (unsigned flags))                                                                   \
	F(driver_version, "cuDriverGetVersion", (int *version))                                               \
	F(device_count, "cuDeviceGetCount", (int *count))                                                     \
	F(device_get, "cuDeviceGet", (int *device, int ordinal))                                              \
	F(device_name, "cuDeviceGetName", (char *name, int len, int device))                                  \
	F(device_memory, "cuDeviceTotalMem_v2", (size_t *nbytes, int device))                                 \
	F(device_attribute, "cuDeviceGetAttribute", (int *value, int attribute, int device))                  \
	F(context_retain, "cuDevicePrimaryCtxRetain", (cu_context *ctx, int device))                          \
	F(context_release, "cuDevicePrimaryCtxRelease_v2", (int device))                                      \
	F(context_set, "cuCtxSetCurrent", (cu_context ctx))                                                   \
	F(memory_info, "cuMemGetInfo_v2", (size_t *nfree, size_t *total))                                     \
	F(alloc, "cuMemAlloc_v2", (cu_ptr *p, size_t nbytes))                                                 \
	F(free, "cuMemFree_v2", (cu_ptr p))                                                                   \
	F(to_device, "cuMemcpyHtoD_v2", (cu_ptr to, const void *from, size_t nbytes))                         \
	F(to_host, "cuMemcpyDtoH_v2", (void *to, cu_ptr from, size_t nbytes))                                 \
	F(set_bytes, "cuMemsetD8Async", (cu_ptr to, unsigned char value, size_t nbytes, cu_stream stream))    \
	F(module_load, "cuModuleLoadData", (cu_module *module, const void *image))                            \
	F(module_unload, "cuModuleUnload", (cu_module module))                                                \
	F(module_function, "cuModuleGetFunction", (cu_function *f, cu_module module, const char *name))       \
	F(function_set, "cuFuncSetAttribute", (cu_function f, int attribute, int value))                      \
	F(occupancy, "cuOccupancyMaxActiveBlocksPerMultiprocessor",                                           \
	  (int *nblocks, cu_function f, int block_size, size_t shared))                                       \
	F(launch, "cuLaunchKernel",                                                                           \
	  (cu_function f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,  \
	   cu_stream stream, void **params, void **extra))                                                    \
	F(stream_create, "cuStreamCreate", (cu_stream *stream, unsigned flags))                               \
	F(stream_destroy, "cuStreamDestroy_v2", (cu_stream stream))                                           \
	F(stream_query, "cuStreamQuery", (cu_stream stream))                                                  \
	F(error_text, "cuGetErrorString", (cu_result r, const char **text))

#define CUDA_NVRTC(F)                                                                                         \
	F(version, "nvrtcVersion", (int *major, int *minor))                                                  \
	F(narchs, "nvrtcGetNumSupportedArchs", (int *n))                                                      \
	F(archs, "nvrtcGetSupportedArchs", (int *archs))                                                      \
	F(create, "nvrtcCreateProgram",                                                                       \
	  (nvrtc_program *p, const char *src, const char *name, int nheaders, const char *const *headers,     \
	   const char *const *names))                                                                         \
	F(compile, "nvrtcCompileProgram", (nvrtc_program p, int noptions, const char *const *options))        \
	F(cubin_size, "nvrtcGetCUBINSize", (nvrtc_program p, size_t *nbytes))                                 \
	F(cubin, "nvrtcGetCUBIN", (nvrtc_program p, char *out))                                               \
	F(ptx_size, "nvrtcGetPTXSize", (nvrtc_program p, size_t *nbytes))                                     \
	F(ptx, "nvrtcGetPTX", (nvrtc_program p, char *out))                                                   \
	F(log_size, "nvrtcGetProgramLogSize", (nvrtc_program p, size_t *nbytes))                              \
	F(log, "nvrtcGetProgramLog", (nvrtc_program p, char *out))                                            \
	F(destroy, "nvrtcDestroyProgram", (nvrtc_program *p))

#define CUDA_FIELD(field, symbol, params) cu_result (*field) params;
struct cuda {
	CUDA_DRIVER(CUDA_FIELD)
	void *lib;
	int version;               /* 13000: 13.0 */
};
struct nvrtc {
	CUDA_NVRTC(CUDA_FIELD)
	void *lib;
	int major, minor;
};
#undef CUDA_FIELD

enum { CU_NOT_READY = 600, CU_OUT_OF_MEMORY = 2, CU_NO_DEVICE = 100 };
enum { CU_ATTR_PROCESSORS = 16, CU_ATTR_MAJOR = 75, CU_ATTR_MINOR = 76, CU_ATTR_SHARED_OPTIN = 97, CU_ATTR_COMPUTE_MODE = 20 };
enum { CU_FUNC_SHARED_DYNAMIC = 8 };

/* 0; or -1 with status 69 and why not. */
int cuda_open(struct cuda *c, struct err *e);
void cuda_close(struct cuda *c);
int nvrtc_open(struct nvrtc *n, struct err *e);
void nvrtc_close(struct nvrtc *n);
/* "doing: what the driver says"; returns -1. */
int cuda_fail(const struct cuda *c, cu_result r, const char *doing, struct err *e);

struct cuda_device {
	int device, ordinal;
	char name[128];
	int64_t memory;
	int processors, major, minor;
	int shared_max;            /* bytes of shared memory a block may have */
};
int cuda_device(const struct cuda *c, int ordinal, struct cuda_device *d, struct err *e);

/* Source to code for a device of this architecture (90: 9.0), from the cache or by NVRTC: a cubin, or PTX where NVRTC is older than
 * the device. NVRTC runs in a child process, which is ended when *cancel (may be NULL) says so or after CUDA_COMPILE_SECONDS.
 * *image: malloc, of *nbytes. */
#define CUDA_COMPILE_SECONDS 180
int cuda_compile(const char *src, size_t nsrc, int arch, volatile int *cancel, char **image, size_t *nbytes, struct err *e);

#endif
