/*
 * block: the end of generated source on vectors: one block of 256 trials, two vectors at a time, because a draw of
 * Philox makes the uniforms of an even trial and the odd one after it.
 */
__attribute__((visibility("default"))) void
sim_block(const struct g_args *a)
{
	const double *tab = a->tab;
	kd *both = (kd *)a->work, *s = both + 2 * G_NSTREAMS;
	size_t k, h;

	for (k = 0; k < 256; k += 2 * KLANES) {
		kv_g_draw(a, G_NSTREAMS, both, k);
		for (h = 0; h < 2; h++) {
			const kd *u = both + h * G_NSTREAMS;
			double *out = a->out + k + h * KLANES;

			(void)u, (void)tab, (void)out, (void)s;
			G_PARTS
		}
	}
}
