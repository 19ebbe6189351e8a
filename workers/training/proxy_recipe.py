"""The recipe of a search's proxies, from the user's options and the split data."""

from dataclasses import replace

from nas.evaluation import EvaluationOptions
from nas.exports.training import TrainingRecipe
from workers.data.dataset import Dataset, ProxyData
from workers.training.policy import TrainingTask, folds, policy


def recipe_of(options: EvaluationOptions, dataset: Dataset, data: ProxyData) -> TrainingRecipe:
    """The recorded recipe where there is one, else the policy's."""
    images, channels, height_px, width_px = data.train_images.shape
    trainings = folds(len(data.validation_labels), images + len(data.validation_labels))
    # Fewer images than asked for are all that the data set has.
    is_small = images < (options.train_size or dataset.train_size)
    epochs = options.epochs or (dataset.default_epochs(images * trainings) if is_small else dataset.epochs)
    if options.training_recipe is not None:
        overrides = {"batch_size": options.batch_size, "learning_rate": options.learning_rate}
        overrides = {name: value for name, value in overrides.items() if value is not None}
        return TrainingRecipe.from_dict({**options.training_recipe, "epochs": epochs, **overrides})
    recipe = policy(
        TrainingTask(images, min(height_px, width_px), channels, data.classes, dataset.flip),
        epochs=epochs,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
    )
    return replace(recipe, folds=trainings)
