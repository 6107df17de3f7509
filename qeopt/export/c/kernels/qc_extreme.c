/* The larger of two values, or the smaller one, each in units of the output; `is_joined` asks for the larger. */
#include "qc_core.h"

void qc_extreme(const qc_layer *layer, uint8_t *const *memory) {
  const uint8_t *values = qc_at(&layer->in, memory), *others = qc_at(&layer->in2, memory);
  const uint32_t count = (uint32_t)layer->height * layer->width * layer->channels;
  qc_writer writer = qc_write_to(&layer->out, memory);
  uint32_t i;
  for (i = 0; i < count; i++) {
    const int32_t one = qc_scale(qc_of(&layer->in, values, i), layer->scales[0], layer->shifts[0], layer);
    const int32_t two = qc_scale(qc_of(&layer->in2, others, i), layer->scales[1], layer->shifts[1], layer);
    qc_put(&writer, (one > two) == layer->is_joined ? one : two);
  }
  qc_end(&writer);
}
