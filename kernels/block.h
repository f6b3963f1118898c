/*
 * block: the end of generated source on vectors: one block of 256 trials, part by part.
 */
__attribute__((visibility("default"))) void
sim_block(const struct g_block_args *a)
{
	const double *tab = a->tab;
	double *out = a->out, *s = a->work;

	(void)tab, (void)out, (void)s;
	G_PARTS
}
