"""The recipe of a search's proxies, from the user's options and the split data."""

from dataclasses import replace

from nas.evaluation import EvaluationOptions
from nas.export.training import TrainingRecipe
from workers.data.dataset import Dataset, ProxyData
from workers.training.policy import TrainingTask, folds, policy


def recipe_of(options: EvaluationOptions, dataset: Dataset, data: ProxyData, epochs: int) -> TrainingRecipe:
    """The recorded recipe where there is one, else the policy's."""
    if options.training_recipe is not None:
        overrides = {"batch_size": options.batch_size, "learning_rate": options.learning_rate}
        overrides = {name: value for name, value in overrides.items() if value is not None}
        return TrainingRecipe.from_dict({**options.training_recipe, "epochs": epochs, **overrides})
    images, channels, size_px, _ = data.train_images.shape
    recipe = policy(
        TrainingTask(images, size_px, channels, data.classes, dataset.flip),
        epochs=epochs,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
    )
    return replace(recipe, folds=folds(len(data.validation_labels), images + len(data.validation_labels)))
