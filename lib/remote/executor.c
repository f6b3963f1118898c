/* executor: see executor.h. */
#include "remote/executor.h"

#include <string.h>

const struct executor *
executor_of(const char *kind)
{
	static const struct executor *const all[] = {&executor_slurm, &executor_ssh, &executor_pueue};

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		if (!strcmp(all[i]->kind, kind))
			return all[i];
	return NULL;
}
