/* The end of a source that began with shim.h. */
void
shim_launch(const void *args, int64_t block, int64_t nblocks)
{
	shim_block = block;
	shim_blocks = nblocks;
	sim_leaves(*(const struct g_args *)args);
}
